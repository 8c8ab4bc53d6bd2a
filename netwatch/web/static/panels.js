// Everything around the list: the bar at the top, the numbers, planned work, what was cleared, messages.

import * as clock from "./clock.js";
import { h, keep } from "./dom.js";
import { byClass } from "./faults.js";
import { icon, mark } from "./icons.js";
import { className, current, t } from "./words.js";

export function drawTop(box, { state, heard, dark, onlanguage, ontheme }) {
  const words = { live: t("live"), connecting: t("connecting"), stale: t("stale", { time: heard ? clock.timeOfDay(heard) : "–" }) };
  box.replaceChildren(
    h("h1", {}, mark(), h("span", {}, "NetWatch"), h("small", {}, t("board"))),
    h("p", { class: `live live-${state}`, role: "status" }, h("i"), words[state] ?? words.connecting),
    h("p", { class: "now" }, h("span", { class: "date" }), h("time", {})),
    h("button", { type: "button", class: "tool", id: "language", title: t("language"), "aria-label": t("language"), onclick: onlanguage }, t("other")),
    h(
      "button",
      { type: "button", class: "tool", id: "theme", title: t(dark ? "light" : "dark"), "aria-label": t(dark ? "light" : "dark"), onclick: ontheme },
      icon(dark ? "sun" : "moon"),
    ),
  );
  tickTop(box);
}

export function tickTop(box) {
  const time = box.querySelector("time");
  if (!time) return;
  time.textContent = clock.timeOfDay(clock.now());
  box.querySelector(".date").textContent = clock.date(clock.now());
}

const CIRCUIT_STATES = ["down", "exposed", "unknown", "planned", "up"];

export function drawNumbers(box, { circuits, classes, tickets, breaches, devices }) {
  const inClass = (state) =>
    Object.keys(classes)
      .filter((name) => classes[name][state])
      .sort(byClass)
      .map((name) => h("span", {}, `${className(name)} `, h("b", {}, classes[name][state])));
  const tiles = CIRCUIT_STATES.map((state) =>
    tile(state, t(state), circuits[state], state === "up" ? t("of", { n: circuits.total }) : inClass(state)),
  );
  const bar = h(
    "div",
    { class: "share", "aria-hidden": "true" },
    CIRCUIT_STATES.map((state) => circuits[state] > 0 && h("i", { class: `s-${state}`, vars: { n: circuits[state] } })),
  );
  const all = devices.up + devices.down + devices.unknown;
  box.replaceChildren(
    h("div", { class: "circuits" }, h("div", { class: "tiles" }, tiles), bar),
    h(
      "div",
      { class: "work tiles" },
      tile("overdue", t("overdue"), breaches.running, [h("span", {}, t("soon", { n: breaches.soon })), h("span", {}, t("month", { n: breaches.month }))]),
      tile("tickets", t("tickets"), tickets.open, [h("span", {}, t("sent", { n: tickets.sent })), h("span", {}, t("at_risk", { n: tickets.at_risk }))]),
      tile("devices", t("devices"), devices.up, [
        devices.down + devices.unknown === 0 && h("span", {}, t("of", { n: all })),
        devices.down > 0 && h("span", { class: "bad" }, t("devices_down", { n: devices.down })),
        devices.unknown > 0 && h("span", {}, t("devices_unknown", { n: devices.unknown })),
      ]),
    ),
  );
}

function tile(name, label, number, more) {
  return h(
    "div",
    { class: `tile tile-${name}${number ? "" : " zero"}`, data: { tile: name } },
    h("span", { class: "label" }, label),
    h("b", { class: "number" }, number),
    h("small", {}, more),
  );
}

/** What nobody may overlook: that we see nothing, and that crews wait for a person's word. */
export function drawBanner(box, { blind, held }, open) {
  const lines = [];
  if (blind.since)
    lines.push({ name: "blind", image: "management", fault: blind.fault, text: t("blind", { n: blind.circuits, time: clock.when(blind.since) }) });
  if (held.orders) lines.push({ name: "held", image: "pause", fault: held.fault, text: t("held", { n: held.orders }) });
  box.hidden = lines.length === 0;
  // What did not change is kept: an alert that is drawn anew is read out anew.
  keep(box, lines, {
    key: (line) => line.name,
    print: (line) => line.text,
    make: (line) =>
      h("button", { type: "button", class: `banner-${line.name}`, "aria-haspopup": "dialog", onclick: () => open(line.fault) }, icon(line.image), line.text),
  });
}

export function drawSide(box, board, open) {
  if (box.dataset.language !== current()) {
    box.dataset.language = current();
    box.replaceChildren(panel("windows", "tools"), panel("recent", "check"), panel("messages", "message"));
  }
  const windows = Object.values(board.window).sort((a, b) => Date.parse(a.start) - Date.parse(b.start));
  const recent = Object.values(board.fault)
    .filter((card) => card.cleared !== null)
    .sort((a, b) => Date.parse(b.cleared) - Date.parse(a.cleared));
  fill(box, "windows", windows, windowLine, (w) => w.id);
  fill(box, "recent", recent, (card) => recentLine(card, open), (card) => card.id);
  fill(box, "messages", board.messages, messageLine, (m) => `${m.at} ${m.channel} ${m.audience} ${m.subject} ${m.template}`);
}

function panel(name, image) {
  return h("section", { class: `panel panel-${name}` }, h("h2", {}, icon(image), t(name), h("span", { class: "n" })), h("ol", {}), h("p", { class: "none" }, t(`none_${name}`)));
}

function fill(box, name, items, make, key) {
  const part = box.querySelector(`.panel-${name}`);
  part.classList.toggle("empty", items.length === 0);
  part.querySelector(".n").textContent = items.length || "";
  keep(part.querySelector("ol"), items, { key, print: (item) => JSON.stringify(item), make });
}

export function windowLine(w) {
  const scope = w.scope.map((text) => {
    const [kind, ...id] = text.split(" ");
    return `${t(`scope.${kind}`)} ${id.join(" ")}`;
  });
  const time = w.state === "ahead" ? clock.when(w.start) : clock.when(w.end);
  return h(
    "li",
    { class: `w-${w.state}` },
    h("p", {}, h("b", {}, w.id), h("span", { class: "what" }, scope.join("、"))),
    h("small", {}, h("span", { class: `mark-${w.state}` }, t(w.state, { time }))),
  );
}

function recentLine(card, open) {
  const [span] = clock.parts((Date.parse(card.cleared) - Date.parse(card.opened)) / 1000);
  return h(
    "li",
    {},
    h(
      "button",
      { type: "button", class: "plain", "aria-haspopup": "dialog", onclick: () => open(card.id) },
      h("p", {}, icon(card.root.kind), h("b", {}, card.root.name || card.id), card.breached ? h("span", { class: "missed" }, t("breached")) : null),
      h("small", {}, `${clock.when(card.cleared)} · ${t("lasted", { time: span })}`),
    ),
  );
}

function messageLine(message) {
  const about = message.template === "noc.self" ? "NetWatch" : message.subject;
  const whom = message.audience.replace(/^(team|duty):/, "").replace(/^noc$/, "NOC");
  return h(
    "li",
    {},
    h("p", { class: "text", title: message.text }, message.text),
    h("small", {}, h("b", {}, about), ` · ${clock.when(message.at)} · ${message.channel} → ${whom}`),
  );
}
