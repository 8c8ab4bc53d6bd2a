// One fault in full: why we think so, whose clocks run, what has been done.

import * as clock from "./clock.js";
import { countdown, tick } from "./countdown.js";
import { h } from "./dom.js";
import { stateChip } from "./faults.js";
import { icon } from "./icons.js";
import { windowLine } from "./panels.js";
import { className, current, t } from "./words.js";

const STEPS = ["opened", "dispatched", "accepted", "arrived", "restored", "returned"];

export class Drawer {
  constructor(dialog) {
    this.dialog = dialog;
    this.id = null;
    this.shown = null;
    this.turn = 0;
    dialog.addEventListener("close", () => {
      document.querySelector(`.fault[data-id="${CSS.escape(this.shown ?? "")}"]`)?.focus();
      if (this.id === this.shown) this.id = null; // else another one was asked for before this event came
    });
    // A click beside the drawer closes it, as does Escape.
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  }

  async open(id) {
    this.id = id;
    await this.refresh();
    if (this.dialog.open || this.id !== id) return;
    this.shown = id;
    this.dialog.showModal();
  }

  /** Read the fault again, when it is the one that is open. */
  async refresh() {
    const { id } = this;
    if (id === null) return;
    const turn = ++this.turn;
    let content;
    try {
      const answer = await fetch(`/api/v1/faults/${encodeURIComponent(id)}`, { cache: "no-store" });
      content = answer.ok ? detail(await answer.json()) : h("p", { class: "none" }, t("detail.gone"));
    } catch {
      content = h("p", { class: "none" }, t("detail.failed"));
    }
    if (turn !== this.turn || id !== this.id) return;
    const scrolled = this.dialog.firstElementChild?.scrollTop ?? 0;
    const close = h("button", { type: "button", class: "tool close", "aria-label": t("detail.close"), onclick: () => this.dialog.close() }, icon("close"));
    this.dialog.setAttribute("aria-label", id);
    this.dialog.replaceChildren(h("div", { class: "sheet" }, close, content));
    this.dialog.firstElementChild.scrollTop = scrolled;
    tick();
  }
}

function detail(fault) {
  const { root } = fault;
  const urgent = fault.outages.find((outage) => outage.restored === null);
  return h(
    "article",
    {},
    h(
      "header",
      { data: { near: urgent ? "calm" : "none" } },
      h("p", { class: "over" }, `${fault.id} · ${t(`domain.${fault.domain}`)} · ${t("since", { time: clock.when(fault.opened) })}`),
      h("h2", {}, icon(root.kind), `${t(`root.${root.kind}`)} `, h("b", {}, root.name || fault.id)),
      root.place && h("p", { class: "place" }, root.place),
      urgent && h("p", { class: "clock" }, countdown(urgent), h("span", { class: "bar", "aria-hidden": "true" }, h("i"))),
    ),
    why(fault),
    fault.repair && ticket(fault.repair),
    forecast(fault.outlook),
    windows(fault),
    outages(fault),
    exposures(fault),
    alarms(fault),
    journal(fault),
  );
}

function why(fault) {
  const percent = Math.round(fault.confidence * 100);
  return part(
    "why",
    h("p", { class: "reason" }, fault.reason || "–"),
    h(
      "p",
      { class: "facts" },
      h("span", { class: "meter", "aria-hidden": "true", vars: { share: fault.confidence } }),
      `${t("sure", { n: percent })} · ${t("symptoms", { n: fault.explains })}`,
      fault.facility_deadline && ` · ${t("facility", { time: clock.when(fault.facility_deadline) })}`,
    ),
    h("p", { class: "against" }, fault.against ? [h("b", {}, `${t("detail.against")} `), fault.against] : t("detail.unopposed")),
  );
}

function ticket(repair) {
  return part(
    "ticket",
    h(
      "p",
      { class: "head" },
      h("a", { href: `/t/${encodeURIComponent(repair.id)}`, target: "_blank", rel: "noopener" }, repair.id),
      stateChip(repair),
      h("span", { class: "team" }, repair.team || t("unassigned")),
      repair.company && h("small", {}, repair.company),
    ),
    h(
      "ol",
      { class: "stages" },
      STEPS.map((step) => h("li", { class: repair[step] ? "done" : null }, h("b", {}, t(`step.${step}`)), h("small", {}, clock.when(repair[step]) || "–"))),
    ),
    repair.reason && h("p", { class: "reason" }, repair.reason),
  );
}

/** What is to be expected, and what moves it most. */
function forecast(outlook) {
  if (!outlook) return null;
  const percent = (share) => Math.round(share * 100);
  const waiting = outlook.breach_if_waiting === null ? "" : t("detail.if_waiting", { n: percent(outlook.breach_if_waiting) });
  const back = t("expected", { median: Math.round(outlook.median_minutes), p80: Math.round(outlook.p80_minutes) });
  return part(
    "forecast",
    h("p", {}, h("b", {}, t("detail.if_sent", { n: percent(outlook.breach_if_sent) })), waiting, ` · ${back}`),
    h("ul", { class: "facts" }, outlook.drivers.map((driver) => h("li", {}, driver[current()]))),
  );
}

function windows(fault) {
  if (!fault.windows.length) return null;
  return part("windows", h("ul", {}, fault.windows.map(windowLine)));
}

function outages(fault) {
  if (!fault.outages.length) return null;
  const rows = fault.outages.map((outage) =>
    h(
      "tr",
      { data: { near: outage.restored ? "none" : "calm" } },
      h("th", { scope: "row" }, outage.circuit),
      h("td", {}, h("span", { class: `chip class-${outage.assurance || "none"}` }, h("i", {}, className(outage.assurance)))),
      h("td", {}, clock.when(outage.started)),
      h("td", {}, clock.parts(outage.limit_minutes * 60)[0]),
      h("td", { class: "left" }, outage.restored ? [icon("check"), clock.when(outage.restored)] : countdown(outage)),
      h("td", { class: "note" }, [...outage.paused.map((reason) => t(`pause.${reason}`)), ...(outage.complained ? [t("complained")] : [])].join(" ")),
    ),
  );
  const heads = ["circuit", "class", "started", "limit", "left"].map((word) => h("th", { scope: "col" }, t(`detail.${word}`)));
  return part(
    "circuits",
    h("table", {}, h("thead", {}, h("tr", {}, heads, h("td", {}))), h("tbody", {}, rows)),
    rest(fault.outages_total - fault.outages.length),
  );
}

function exposures(fault) {
  if (!fault.exposures.length) return null;
  return part(
    "exposed",
    h("p", { class: "names" }, fault.exposures.map((e) => h("span", { class: `chip class-${e.assurance || "none"}` }, h("i", {}, className(e.assurance)), h("b", {}, e.circuit)))),
    rest(fault.exposures_total - fault.exposures.length),
  );
}

function alarms(fault) {
  if (!fault.alarms.length) return null;
  return part(
    "alarms",
    h(
      "table",
      {},
      h(
        "tbody",
        {},
        fault.alarms.map((alarm) =>
          h(
            "tr",
            { class: `sev-${alarm.severity} is-${alarm.state}` },
            h("th", { scope: "row" }, h("i", { class: "dot" }), `${alarm.device} ${alarm.component}`),
            h("td", {}, t(`condition.${alarm.condition}`)),
            h("td", {}, clock.when(alarm.raised)),
            h("td", { class: "note" }, alarm.acknowledged_by && [icon("user"), alarm.acknowledged_by]),
          ),
        ),
      ),
    ),
    rest(fault.alarms_total - fault.alarms.length),
  );
}

function journal(fault) {
  if (!fault.journal.length) return null;
  return part(
    "journal",
    h("ol", { class: "journal" }, fault.journal.map((entry) => h("li", {}, h("time", {}, clock.when(entry.at)), h("b", {}, t(`entry.${entry.kind}`)), h("span", {}, entry.reason)))),
  );
}

const part = (name, ...content) => h("section", { class: `part part-${name}` }, h("h3", {}, t(`detail.${name}`)), content);

const rest = (n) => (n > 0 ? h("p", { class: "rest" }, t("detail.more", { n })) : null);
