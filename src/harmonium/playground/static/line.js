// A line that runs: the last values of a figure, drawn without axes, with the newest value beside it.

import { element } from "./dom.js";
import { say, words } from "./words.js";

const KEPT = 300;

/** Return {node, add, told}: a running line under a title. */
export function runningLine(title, about) {
  const canvas = element("canvas", { width: KEPT, height: 64, role: "img", "aria-label": title });
  const value = element("output", {}, "–");
  const node = element("figure", { class: "line" },
    element("figcaption", {}, element("strong", {}, title), " ", value, " ", element("small", {}, about)), canvas);
  let values = [];
  return {
    node,
    add(next) {
      values = [...values.slice(1 - KEPT), next];
      value.textContent = next.toFixed(1);
      canvas.setAttribute("aria-label", `${title} ${next.toFixed(1)}`);
      const { width } = canvas.getBoundingClientRect();
      if (width) canvas.width = width;
      drawLine(canvas, [{ values, color: getComputedStyle(canvas).color }], KEPT);
    },
    told: () => say(words.energy.told, { title, value: value.textContent }),
  };
}

/** Draw lines of values, all on one scale, from the left of `length` places. */
export function drawLine(canvas, lines, length) {
  const { width, height } = canvas, context = canvas.getContext("2d");
  const all = lines.flatMap((line) => line.values).filter(Number.isFinite);
  const low = Math.min(...all), span = Math.max(...all) - low || 1;
  context.clearRect(0, 0, width, height);
  context.lineWidth = 1.5;
  for (const { values, color } of lines) {
    context.strokeStyle = color;
    context.beginPath();
    values.forEach((y, i) => {
      if (Number.isFinite(y)) context.lineTo((i / (length - 1)) * width, 3 + (height - 6) * (1 - (y - low) / span));
    });
    context.stroke();
  }
}
