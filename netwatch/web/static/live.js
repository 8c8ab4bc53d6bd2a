// The live board: one EventSource, a copy of what it said, and the knowledge of how old that is.

import * as clock from "./clock.js";

const PATIENCE = 40_000; // a little more than two heartbeats
const RETRY = [1000, 2000, 5000, 10_000];

export class Live {
  /** `onchange(kinds)` after news; `onstate("live" | "connecting" | "stale" | "login")` when that changes. */
  constructor({ onchange, onstate }) {
    this.board = null;
    this.state = "connecting";
    this.heard = null; // the server's time of the last word from it
    this.tries = 0;
    this.onchange = onchange;
    this.onstate = onstate;
    this.last = performance.now();
    setInterval(() => this.watch(), 1000);
  }

  open() {
    this.source?.close();
    this.source = new EventSource("/api/v1/events");
    this.source.addEventListener("snapshot", (event) => this.take(event, true));
    this.source.addEventListener("change", (event) => this.take(event, false));
    this.source.addEventListener("beat", (event) => this.alive(JSON.parse(event.data)));
    this.source.addEventListener("error", () => this.trouble());
  }

  take(event, whole) {
    const news = JSON.parse(event.data);
    if (whole || !this.board) this.board = news;
    else {
      for (const kind of ["fault", "window"])
        for (const [id, card] of Object.entries(news[kind] ?? {})) {
          if (card === null) delete this.board[kind][id];
          else this.board[kind][id] = card;
        }
      for (const kind of ["summary", "messages"]) if (news[kind]) this.board[kind] = news[kind];
    }
    this.alive(news);
    this.onchange();
  }

  alive(news) {
    clock.tell(news.now, news.pace);
    this.last = performance.now();
    this.heard = clock.now();
    this.tries = 0;
    this.become("live");
  }

  trouble() {
    this.become(this.board ? "stale" : "connecting");
    // The browser reconnects by itself, unless it was told off; then we find out why.
    if (this.source.readyState === EventSource.CLOSED) this.again();
  }

  async again() {
    const pause = RETRY[Math.min(this.tries++, RETRY.length - 1)];
    let status = 0;
    try {
      status = (await fetch("/api/v1/messages", { cache: "no-store" })).status;
    } catch {
      // Nobody there.
    }
    if (status === 401) this.become("login");
    else setTimeout(() => this.open(), pause);
  }

  watch() {
    if (this.state === "live" && performance.now() - this.last > PATIENCE) {
      this.become("stale");
      this.open();
    }
  }

  become(state) {
    if (state === this.state) return;
    this.state = state;
    this.onstate(state);
  }
}
