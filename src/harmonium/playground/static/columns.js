// The columns of a table as sliders and menus: one that is touched is held, the others show what the machine gives.

import { element } from "./dom.js";
import { say, words } from "./words.js";

/** Return what a drawing board is, for a row of columns. */
export function columnBoard(columns, painted) {
  const values = new Float32Array(columns.length), mask = new Uint8Array(columns.length);
  const board = { values, mask, show, hold, clear, node: null };
  const rows = columns.map((column, i) => (column.states ? chosen : measured)(column, (value) => {
    values[i] = value;
    mask[i] = 1;
    changed();
  }));
  const held = columns.map((column, i) => element("input", {
    type: "checkbox", "aria-label": say(words.draw.holdColumn, column),
    onchange() {
      mask[i] = held[i].checked ? 1 : 0;
      values[i] = rows[i].value();
      changed();
    },
  }));
  board.node = element("div", { class: "columns" }, ...columns.map((column, i) =>
    element("div", { class: "column" }, held[i], element("span", {}, column.name), rows[i].node, rows[i].told ?? "")));

  function show(row) {
    rows.forEach((one, i) => {
      held[i].checked = Boolean(mask[i]);
      if (!one.node.matches(":focus") || !mask[i]) one.show(mask[i] ? values[i] : row[i]);
    });
  }

  function hold(places, row) {
    mask.set(places);
    values.set(row);
    changed();
  }

  function changed() {
    held.forEach((box, i) => { box.checked = Boolean(mask[i]); });
    painted(board);
  }

  function clear() {
    mask.fill(0);
    changed();
  }

  return board;
}

/** Return a menu of a column's states. */
function chosen({ name, low, high, states }, change) {
  const state = (k) => String(Number((low + ((high - low) * k) / (states - 1)).toPrecision(4)));
  const options = Array.from({ length: states }, (_, k) => element("option", { value: k }, state(k)));
  const node = element("select", { "aria-label": name, onchange: () => change(node.value / (states - 1)) }, ...options);
  return {
    node,
    value: () => node.value / (states - 1),
    show: (x) => { node.value = Math.round(x * (states - 1)); },
  };
}

/** Return a slider over a column's range. */
function measured({ name, low, high }, change) {
  const told = element("output");
  const node = element("input", {
    type: "range", min: 0, max: 1, step: 0.001, "aria-label": name,
    oninput() { show(Number(node.value)); change(Number(node.value)); },
  });
  function show(x) {
    node.value = x;
    told.textContent = Number((low + (high - low) * x).toPrecision(4));
    node.setAttribute("aria-valuetext", told.textContent);
  }
  return { node, told, show, value: () => Number(node.value) };
}
