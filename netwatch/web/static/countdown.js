// Deadlines that run. An element holds its deadline; one timer moves them all.

import * as clock from "./clock.js";
import { h } from "./dom.js";

/** How near: over, critical (a tenth or a quarter of an hour left), warn (a quarter), watch (half), calm. */
export function nearness(left, limit) {
  const share = left / limit;
  if (left < 0) return "over";
  if (share <= 0.1 || left <= 900) return "critical";
  if (share <= 0.25) return "warn";
  return share <= 0.5 ? "watch" : "calm";
}

/** Seconds left of an outage's clock, now. */
export const left = (outage) =>
  outage.clock === "stopped" ? outage.remaining_seconds : (Date.parse(outage.deadline) - clock.now()) / 1000;

/** The running figure of one outage; `tick` draws it, and colours what it stands in. */
export function countdown(outage) {
  const element = h("span", {
    class: "count",
    data: {
      limit: outage.limit_minutes * 60,
      ...(outage.clock === "stopped" ? { left: outage.remaining_seconds } : { deadline: Date.parse(outage.deadline) }),
    },
  });
  element.append(h("b"), h("i"));
  return element;
}

function draw(element) {
  const { deadline, limit } = element.dataset;
  const seconds = deadline ? (Number(deadline) - clock.now()) / 1000 : Number(element.dataset.left);
  const [large, small] = clock.parts(seconds);
  element.firstChild.textContent = (seconds < 0 ? "+" : "") + large;
  element.lastChild.textContent = small;
  const box = element.closest("[data-near]");
  if (!box) return;
  const near = deadline ? nearness(seconds, Number(limit)) : "stopped";
  if (box.dataset.near !== near) box.dataset.near = near;
  box.style.setProperty("--share", Math.max(0, Math.min(1, seconds / Number(limit))).toFixed(4));
}

export function tick() {
  for (const element of document.querySelectorAll(".count")) draw(element);
}
