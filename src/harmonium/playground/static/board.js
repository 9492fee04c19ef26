// The drawing board: what the reader holds, in color, on what the machine dreams; pointer, touch and keyboard.

import { element } from "./dom.js";
import { drawRows, size } from "./tiles.js";
import { say, words } from "./words.js";

/** Return {node, show, hold, clear, tool, values, mask}: `painted` is called when what is held has changed, and `lifted`
 *  at the end of a stroke. */
export function drawingBoard(shape, ink, painted, lifted) {
  const [height, width] = size(shape), count = height * width;
  const values = new Float32Array(count), mask = new Uint8Array(count);
  const text = say(words.draw.board, { height, width });
  const canvas = element("canvas", { width, height, tabindex: 0, role: "application", "aria-label": text });
  const cursor = element("span", { class: "cursor", hidden: true });
  const node = element("div", { class: "board" }, canvas, cursor);
  node.style.aspectRatio = `${width} / ${height}`;
  const board = { node, canvas, values, mask, tool: "ink", show, hold, clear, drawn: () => mask.includes(1) };
  let at = [height >> 1, width >> 1], last = null, row = new Float32Array(count);

  function show(gray) {
    row = gray;
    drawRows(canvas, [gray], shape, 1, mask, ink);
  }

  function mark(i, j) {
    if (i < 0 || j < 0 || i >= height || j >= width) return;
    const place = i * width + j;
    mask[place] = board.tool === "free" ? 0 : 1;
    values[place] = board.tool === "ink" ? ink : 1 - ink;
    if (mask[place]) row[place] = values[place];
  }

  function dab(y, x) {
    const radius = Math.max(0.6, Math.min(height, width) / 24);
    for (let i = Math.floor(y - radius); i <= y + radius; i++) {
      for (let j = Math.floor(x - radius); j <= x + radius; j++) {
        const here = Math.floor(y) === i && Math.floor(x) === j;
        if (here || Math.hypot(i + 0.5 - y, j + 0.5 - x) <= radius) mark(i, j);
      }
    }
  }

  function stroke(event) {
    const box = canvas.getBoundingClientRect();
    const to = [((event.clientY - box.top) / box.height) * height, ((event.clientX - box.left) / box.width) * width];
    const from = last ?? to, steps = Math.ceil(2 * Math.hypot(to[0] - from[0], to[1] - from[1])) || 1;
    for (let s = 1; s <= steps; s++) dab(...from.map((start, axis) => start + ((to[axis] - start) * s) / steps));
    last = to;
    changed();
  }

  function changed() {
    show(row);
    painted(board);
  }

  /** Hold some places at the values given. */
  function hold(places, held) {
    mask.set(places);
    values.set(held);
    row = row.map((x, i) => (mask[i] ? values[i] : x));
    changed();
  }

  function clear() {
    mask.fill(0);
    changed();
  }

  const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  function key(event) {
    const move = moves[event.key];
    if (move) at = [(at[0] + move[0] + height) % height, (at[1] + move[1] + width) % width];
    else if (event.key === "Escape") clear();
    else if (event.key !== " ") return;
    event.preventDefault();
    if (event.key === " " || (move && event.shiftKey)) { mark(...at); changed(); }
    place();
    canvas.setAttribute("aria-label", `${text} ${say(words.draw.cursor, { row: at[0] + 1, column: at[1] + 1 })}`);
  }

  function place() {
    Object.assign(cursor.style, {
      top: `${(100 * at[0]) / height}%`, left: `${(100 * at[1]) / width}%`,
      height: `${100 / height}%`, width: `${100 / width}%`,
    });
    cursor.hidden = !canvas.matches(":focus-visible");
  }

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    last = null;
    stroke(event);
    event.preventDefault();
  });
  canvas.addEventListener("pointermove", (event) => { if (event.buttons && last) stroke(event); });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { last = null; lifted(); });
  canvas.addEventListener("keydown", key);
  canvas.addEventListener("focus", place);
  canvas.addEventListener("blur", () => { cursor.hidden = true; });
  show(row);
  return board;
}
