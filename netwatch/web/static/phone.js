import * as clock from "./clock.js";
import { nearness } from "./countdown.js";

const { now, pace } = document.body.dataset;
const count = document.querySelector(".count");

if (count) {
  clock.tell(now, Number(pace));
  const end = clock.now() + Number(count.dataset.remaining) * 1000;
  const limit = Number(count.dataset.limit);
  const draw = () => {
    const stopped = count.dataset.clock === "stopped";
    const seconds = stopped ? Number(count.dataset.remaining) : (end - clock.now()) / 1000;
    count.textContent = (seconds < 0 ? "+" : "") + clock.parts(seconds).join("");
    if (!stopped) count.parentElement.dataset.near = nearness(seconds, limit);
  };
  draw();
  setInterval(draw, 1000);
}

// The crew's word. Asked twice, for a pocket taps too; the server decides, and what it refuses is shown as it says it.
const form = document.getElementById("step");

if (form) {
  form.hidden = false; // without us it would be sent by the browser itself, which leaves the signature behind
  const button = form.querySelector("button");
  const label = button.textContent;
  const refused = document.getElementById("refused");
  let disarm;
  const ask = (sure) => {
    clearTimeout(disarm);
    button.classList.toggle("sure", sure);
    button.textContent = sure ? form.dataset.sure : label;
    if (sure) disarm = setTimeout(ask, 6000, false);
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!button.classList.contains("sure")) {
      ask(true);
      return;
    }
    ask(false);
    button.disabled = true;
    refused.textContent = "";
    try {
      const answer = await fetch(`${location.pathname}/${form.dataset.action}${location.search}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ reason: document.getElementById("found")?.value ?? "" }),
      });
      const said = await answer.json();
      if (answer.ok && !said.why) {
        location.reload();
        return;
      }
      refused.textContent = answer.ok ? said.why : said.detail;
    } catch {
      refused.textContent = form.dataset.unheard;
    }
    button.disabled = false;
  });
}

// As fresh as a minute, unless somebody is about to say something.
// Without a network the page stays: it says where to go.
setInterval(async () => {
  const busy = () => document.querySelector("button.sure") || document.getElementById("found")?.value;
  if (busy() || !(await fetch(location.href, { cache: "no-store" }).catch(() => null)) || busy()) return;
  location.reload();
}, 60_000);
