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
