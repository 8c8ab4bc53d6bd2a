// Drawn for NetWatch on a grid of 24, strokes only, so that they take the colour of the text around them.

const PATHS = {
  cable: "M3 9c4 0 4 6 8 6 M13 9c4 0 4 6 8 6 M12 7l-1.5 3 M13.5 14L12 17",
  link: "M3 12h6 M15 12h6 M9 9v6 M15 9v6 M11 12h.01 M13 12h.01",
  port: "M4 5h16v14H4z M8 19v-5h8v5 M8 9v1.5 M12 9v1.5 M16 9v1.5",
  device: "M3 6h18v5H3z M3 13h18v5H3z M6.5 8.5h.01 M6.5 15.5h.01 M10 8.5h7 M10 15.5h7",
  power: "M13 3L5 13h6l-1 8 9-11h-6z",
  premises: "M4 20V9l8-5 8 5v11z M9 20v-6h6v6",
  agent: "M4 5h16v11H9l-5 4z M9 9l6 4 M15 9l-6 4",
  management: "M3 12s3.5-6 9-6 9 6 9 6-3.5 6-9 6-9-6-9-6z M4 4l16 16",
  circuit: "M6 3l3 4-2 3c1 3 3 5 6 6l3-2 4 3c0 2-1.5 4-4 4C9 21 3 14 3 7c0-2 1-4 3-4z",
  shield: "M12 3l8 3v6c0 5-3.5 8-8 9-4.5-1-8-4-8-9V6z M12 8v5 M12 16h.01",
  check: "M4 12.5l5 5L20 6.5",
  tools: "M14 6a4 4 0 0 0-5 5l-6 6 3 3 6-6a4 4 0 0 0 5-5l-2.5 2.5-2.5-.5-.5-2.5z",
  message: "M4 5h16v11H9l-5 4z M8 9h8 M8 12h5",
  pause: "M9 6v12 M15 6v12",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8z M12 2v2 M12 20v2 M2 12h2 M20 12h2 M5 5l1.4 1.4 M17.6 17.6L19 19 M19 5l-1.4 1.4 M6.4 17.6L5 19",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",
  close: "M6 6l12 12 M18 6L6 18",
  right: "M9 6l6 6-6 6",
  user: "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8z M4 21c0-4 3.5-6.5 8-6.5s8 2.5 8 6.5",
};

const SVG = "http://www.w3.org/2000/svg";

export function icon(name, label) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  if (label) {
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
  } else svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name] ?? PATHS.device);
  svg.append(path);
  return svg;
}

/** The mark of NetWatch. */
export function mark() {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 32 32");
  svg.setAttribute("class", "mark");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", "M3 17h7l3-9 5.5 17 3.5-10 1-0h6");
  svg.append(path);
  return svg;
}
