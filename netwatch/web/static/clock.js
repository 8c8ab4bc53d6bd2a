// The server's time. A simulated night runs faster than ours, and a wall's own clock may be wrong: so only how much
// time has passed here is used, never what time it is here.

let base = Date.now();
let mark = performance.now();
let pace = 1;
let offset = 0; // minutes east of UTC, as the server writes its times

export function tell(iso, newPace) {
  base = Date.parse(iso);
  mark = performance.now();
  if (newPace) pace = newPace;
  const zone = /([+-])(\d\d):(\d\d)$/.exec(iso);
  offset = zone ? (zone[1] === "-" ? -1 : 1) * (Number(zone[2]) * 60 + Number(zone[3])) : 0;
}

/** Milliseconds since the epoch, on the server. */
export const now = () => base + (performance.now() - mark) * pace;

const two = (n) => String(n).padStart(2, "0");

/** `03:20:05`, in the site's zone. */
export function timeOfDay(ms, seconds = true) {
  const d = new Date(ms + offset * 60_000);
  return `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}${seconds ? `:${two(d.getUTCSeconds())}` : ""}`;
}

/** `11-02 03:20`, or `03:20` when that is today. */
export function when(iso) {
  if (!iso) return "";
  const ms = Date.parse(iso);
  const d = new Date(ms + offset * 60_000);
  const today = new Date(now() + offset * 60_000);
  const same = d.getUTCDate() === today.getUTCDate() && Math.abs(ms - now()) < 86_400_000;
  return (same ? "" : `${two(d.getUTCMonth() + 1)}-${two(d.getUTCDate())} `) + timeOfDay(ms, false);
}

/** `2026-11-02`, in the site's zone. */
export function date(ms) {
  const d = new Date(ms + offset * 60_000);
  return `${d.getUTCFullYear()}-${two(d.getUTCMonth() + 1)}-${two(d.getUTCDate())}`;
}

/** Seconds as `[hours:minutes, :seconds]`: the second half is drawn smaller. */
export function parts(seconds) {
  const s = Math.floor(Math.abs(seconds));
  return [`${Math.floor(s / 3600)}:${two(Math.floor((s % 3600) / 60))}`, `:${two(s % 60)}`];
}
