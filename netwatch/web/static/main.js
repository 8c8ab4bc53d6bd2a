import { tick } from "./countdown.js";
import { h } from "./dom.js";
import { Drawer } from "./drawer.js";
import { drawFaults } from "./faults.js";
import { Live } from "./live.js";
import { drawBanner, drawNumbers, drawSide, drawTop, tickTop } from "./panels.js";
import { current, switchLanguage, t } from "./words.js";

const at = (id) => document.getElementById(id);
const system = matchMedia("(prefers-color-scheme: dark)");
const drawer = new Drawer(at("drawer"));
const live = new Live({ onchange: draw, onstate: showState });

const isDark = () => (document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";

function draw() {
  const { board } = live;
  document.documentElement.lang = current();
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = t(element.dataset.word);
  drawHead();
  if (!board) return;
  const open = (id) => drawer.open(id);
  drawBanner(at("banner"), board.summary, open);
  drawNumbers(at("numbers"), board.summary);
  drawFaults(at("faults"), board, open);
  drawSide(at("side"), board, open);
  const { down } = board.summary.circuits;
  document.title = down ? `(${down}) NetWatch` : "NetWatch";
  tick();
  drawer.refresh();
}

function drawHead() {
  const focused = document.activeElement?.id;
  drawTop(at("top"), {
    state: live.state,
    heard: live.heard,
    dark: isDark(),
    onlanguage: () => {
      switchLanguage();
      draw();
    },
    ontheme: () => {
      const theme = isDark() ? "light" : "dark";
      document.documentElement.dataset.theme = theme;
      try {
        localStorage.setItem("netwatch.theme", theme);
      } catch {
        // It lasts as long as the page.
      }
      drawHead();
    },
  });
  if (focused) at(focused)?.focus();
}

function showState(state) {
  document.body.classList.toggle("stale", state === "stale");
  if (state === "login") logIn();
  drawHead();
}

function logIn() {
  const dialog = at("login");
  const wrong = h("p", { class: "wrong", role: "alert" });
  const token = h("input", { type: "password", id: "token", autocomplete: "current-password", required: true });
  const enter = async (event) => {
    event.preventDefault();
    const answer = await fetch("/api/v1/session", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token: token.value }),
    });
    if (!answer.ok) {
      wrong.textContent = t("login.wrong");
      return;
    }
    dialog.close();
    live.open();
  };
  dialog.replaceChildren(
    h(
      "form",
      { onsubmit: enter },
      h("h2", {}, t("login.title")),
      h("p", {}, t("login.text")),
      h("label", { for: "token" }, t("login.token")),
      token,
      wrong,
      h("button", { type: "submit" }, t("login.enter")),
    ),
  );
  if (!dialog.open) dialog.showModal();
}

// Arrow keys go from fault to fault, as in any list.
document.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || at("drawer").open || at("login").open) return;
  const rows = [...document.querySelectorAll(".fault")];
  const place = rows.indexOf(document.activeElement);
  if (place < 0 && !at("faults").contains(document.activeElement) && document.activeElement !== document.body) return;
  const next = rows[place < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, place + step))];
  if (next) {
    event.preventDefault();
    next.focus();
  }
});

setInterval(() => {
  tick();
  tickTop(at("top"));
}, 1000);
system.addEventListener("change", drawHead);
draw();
at("faults").append(h("p", { class: "loading", data: { key: "loading" } }, t("loading")));
live.open();
