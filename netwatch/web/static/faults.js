// The list of open faults: what runs out first stands first.

import { countdown, left } from "./countdown.js";
import * as clock from "./clock.js";
import { h, keep } from "./dom.js";
import { icon } from "./icons.js";
import { className, current, t } from "./words.js";

const ORDER = ["AAA", "AA", "A", "standard"];
const STEPS = { dispatched: 1, accepted: 2, travelling: 3, on_site: 4, restored: 5, returned: 5 };

export const byClass = (a, b) => {
  const [x, y] = [ORDER.indexOf(a), ORDER.indexOf(b)];
  return (x < 0 ? 9 : x) - (y < 0 ? 9 : y) || a.localeCompare(b);
};

const sum = (counts) => Object.values(counts).reduce((a, b) => a + b, 0);

/** Which part of the list a fault stands in. */
export function group(card) {
  if (card.planned) return "planned";
  if (sum(card.down) > 0) return "out";
  return sum(card.exposed) > 0 ? "exposed" : "other";
}

/** Seconds until something is missed: a limit, or the end of a battery before any line is out. */
function urgency(card) {
  const battery = card.ticket?.battery_end ? (Date.parse(card.ticket.battery_end) - clock.now()) / 1000 : Infinity;
  return Math.min(card.urgent ? left(card.urgent) : Infinity, battery);
}

export function drawFaults(box, board, open) {
  // Blindness has the banner; nothing is quiet while it lasts, we only cannot tell.
  const cards = Object.values(board.fault).filter((card) => card.cleared === null && card.root.kind !== "management");
  const groups = ["out", "exposed", "other", "planned"].map((name) => ({
    name,
    cards: cards.filter((card) => group(card) === name),
  }));
  for (const { cards: list } of groups)
    list.sort((a, b) => urgency(a) - urgency(b) || Date.parse(a.opened) - Date.parse(b.opened));

  const quiet = cards.length === 0 && !board.summary.blind.since;
  box.classList.toggle("is-quiet", quiet);
  const shown = quiet ? [{ name: "quiet" }] : groups.filter((g) => g.cards.length);
  keep(box, shown, {
    key: (g) => g.name,
    print: (g) => `${g.name} ${current()}`,
    make: (g) => (g.name === "quiet" ? allQuiet() : section(g.name)),
  });
  for (const g of shown) {
    if (g.name === "quiet") continue;
    const part = box.querySelector(`[data-key="${g.name}"]`);
    part.querySelector(".n").textContent = g.cards.length;
    keep(part.querySelector(".rows"), g.cards, {
      key: (card) => card.id,
      print: (card) => JSON.stringify(card) + current(),
      make: (card, known) => row(card, open, !known && box.dataset.drawn === "yes"),
    });
  }
  box.dataset.drawn = "yes";
}

function section(name) {
  return h(
    "section",
    { class: `group group-${name}`, "aria-label": t(`${name}_title`) },
    h("h2", {}, h("span", {}, t(`${name}_title`)), h("span", { class: "n" })),
    h("ul", { class: "rows" }),
  );
}

function allQuiet() {
  return h("div", { class: "quiet" }, icon("check"), h("p", { class: "big" }, t("quiet")), h("p", {}, t("quiet_more")));
}

function row(card, open, fresh) {
  const button = h(
    "button",
    {
      type: "button",
      class: `fault${fresh ? " fresh" : ""}`,
      "aria-haspopup": "dialog",
      data: { near: card.urgent ? "calm" : "none", id: card.id },
      onclick: () => open(card.id),
    },
    clockCell(card),
    rootCell(card),
    hitCell(card),
    ticketCell(card),
    card.urgent && h("span", { class: "bar", "aria-hidden": "true" }, h("i")),
  );
  return h("li", {}, button);
}

function clockCell(card) {
  if (!card.urgent) {
    const facility = card.facility_deadline ? t("facility", { time: clock.when(card.facility_deadline) }) : t("no_clock");
    const name = group(card) === "exposed" ? "shield" : card.root.kind;
    const battery = card.ticket?.battery_end && t("battery", { time: clock.when(card.ticket.battery_end) });
    return h("span", { class: "c-clock none" }, icon(name), h("small", {}, battery || facility));
  }
  const { urgent } = card;
  const why = urgent.paused.map((reason) => t(`pause.${reason}`)).join(" ");
  const note =
    urgent.clock === "stopped"
      ? [icon("pause", t("stopped")), h("span", { class: "reason" }, why || t("stopped"))]
      : [h("span", { class: "word-left" }, t("left")), h("span", { class: "word-late" }, t("late")), ` ${className(urgent.assurance)}`, why && ` · ${why}`];
  return h("span", { class: "c-clock" }, countdown(urgent), h("small", {}, note));
}

function rootCell(card) {
  const { root } = card;
  const facts = [t(`domain.${card.domain}`), t("since", { time: clock.when(card.opened) })];
  if (root.place && root.place !== root.name) facts.unshift(root.place);
  if (card.confidence < 0.75) facts.push(t("sure", { n: Math.round(card.confidence * 100) }));
  return h(
    "span",
    { class: "c-root" },
    h("span", { class: "name" }, icon(root.kind), h("span", { class: "kind" }, t(`root.${root.kind}`)), h("b", {}, root.name || card.id)),
    h("small", {}, facts.join(" · ")),
  );
}

function hitCell(card) {
  const hit = sum(card.down) ? card.down : card.exposed;
  const chips = Object.keys(hit)
    .sort(byClass)
    .map((name) => h("span", { class: `chip class-${name || "none"}` }, h("i", {}, className(name)), h("b", {}, hit[name])));
  const notes = [];
  if (sum(card.down) && sum(card.exposed)) notes.push(`${t("exposed")} ${sum(card.exposed)}`);
  if (card.restored) notes.push(t("restored_of", { n: card.restored }));
  if (card.complained) notes.push(t("complained"));
  return h("span", { class: "c-hit" }, h("span", { class: "chips" }, chips), notes.length ? h("small", {}, notes.join(" · ")) : null);
}

function ticketCell(card) {
  const { ticket } = card;
  if (!ticket) return h("span", { class: "c-ticket none" }, h("small", {}, t("no_ticket")));
  const kind = ticket.kind === "enquiry" ? `${t("enquiry")} ` : "";
  const risk = ticket.breach_probability;
  const shownRisk = risk !== null && risk >= 0.1 && risk < 0.995;
  return h(
    "span",
    { class: "c-ticket" },
    h(
      "span",
      { class: "line" },
      stateChip(ticket),
      h("span", { class: "team" }, ticket.team || t("unassigned")),
    ),
    h(
      "small",
      {},
      steps(ticket.state),
      h("span", {}, `${kind}${ticket.id}`),
      shownRisk &&
        h("span", { class: risk >= 0.5 ? "risk high" : "risk", title: reasons(ticket.outlook) }, t("risk", { n: Math.round(risk * 100) })),
      h("span", { class: "reason" }, ticket.reason),
    ),
  );
}

/** How far an order is; one that the brake holds waits for a person, which no state says. */
export const stateChip = ({ state, braked }) =>
  braked ? h("span", { class: "state state-held" }, t("waits")) : h("span", { class: `state state-${state}` }, t(`state.${state}`));

/** What moves the risk, and when service is to be expected back. */
function reasons(outlook) {
  if (!outlook) return null;
  const back = t("expected", { median: Math.round(outlook.median_minutes), p80: Math.round(outlook.p80_minutes) });
  return [back, ...outlook.drivers.map((driver) => driver[current()])].join("\n");
}

/** How far the repair has come: sent, accepted, on the way, on site, restored. */
function steps(state) {
  const done = state === "paused" ? 4 : (STEPS[state] ?? 0);
  return h("span", { class: "steps", "aria-hidden": "true" }, [1, 2, 3, 4, 5].map((n) => h("i", { class: n <= done ? "done" : null })));
}
