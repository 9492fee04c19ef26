// Numbers as pixels: rows in gray, held pixels in the reader's color, weights from blue to red.

const MINE = [255, 176, 46], NIGHT = [16, 19, 24], HELD = [66, 45, 20], PALE = [255, 232, 190], DAY = [240, 244, 250];
const STOPS = [[33, 102, 172], [146, 197, 222], [247, 247, 247], [244, 165, 130], [178, 24, 43]];

const mix = (a, b, t) => a.map((x, i) => x + (b[i] - x) * t);
const table = (a, b) => Array.from({ length: 256 }, (_, i) => mix(a, b, i / 255));
const FREE = table(NIGHT, DAY), OURS = [table(MINE, PALE), table(HELD, MINE)];
const SIGNED = Array.from({ length: 256 }, (_, i) => {
  const at = (i / 255) * (STOPS.length - 1), k = Math.min(Math.floor(at), STOPS.length - 2);
  return mix(STOPS[k], STOPS[k + 1], at - k);
});
const code = (x) => Math.max(0, Math.min(255, Math.round(255 * x)));

/** Return height and width of a row; what is no picture lies in one line. */
export const size = (shape) => (shape.length === 2 ? shape : [1, shape.reduce((a, b) => a * b, 1)]);

/** Draw rows of gray from 0 to 1 as tiles, `across` of them side by side, one pixel apart; held ones in color, the ink brighter. */
export function drawRows(canvas, rows, shape, across = 1, held = null, ink = 1) {
  tiles(canvas, rows, shape, across, (row, i) => (held && held[i] ? OURS[ink] : FREE)[code(row[i])]);
}

/** Draw weights: −limit is blue, zero white, +limit red. */
export function drawSigned(canvas, rows, shape, limit, across = 1) {
  tiles(canvas, rows, shape, across, (row, i) => SIGNED[code(0.5 + row[i] / limit / 2)]);
}

function tiles(canvas, rows, shape, across, color) {
  const [height, width] = size(shape), down = Math.ceil(rows.length / across);
  const wide = across * (width + 1) - 1, high = down * (height + 1) - 1;
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
  const context = canvas.getContext("2d"), image = context.createImageData(wide, high);
  rows.forEach((row, r) => {
    const left = (r % across) * (width + 1), top = Math.floor(r / across) * (height + 1);
    for (let i = 0; i < height * width; i++) {
      const at = 4 * ((top + Math.floor(i / width)) * wide + left + (i % width)), [red, green, blue] = color(row, i);
      image.data[at] = red;
      image.data[at + 1] = green;
      image.data[at + 2] = blue;
      image.data[at + 3] = 255;
    }
  });
  context.putImageData(image, 0, 0);
}

/** Return rows cut from one array. */
export function rowsOf(values, width) {
  return Array.from({ length: values.length / width }, (_, r) => values.subarray(r * width, (r + 1) * width));
}

/** Return the size that few weights exceed: the 99.5 % quantile. */
export function limitOf(rows) {
  const sizes = Float32Array.from(rows.flatMap((row) => Array.from(row, Math.abs))).sort();
  return sizes[Math.floor(0.995 * (sizes.length - 1))] || 1;
}
