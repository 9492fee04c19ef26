// What a page gives away: pictures as PNG, the last two seconds as GIF, states as a numpy file.

import { drawRows } from "./tiles.js";

const SCALE = 8;

/** Hand a file to the reader. */
export function download(name, parts, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(parts, { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Return rows as one picture, tiles side by side, each pixel some pixels wide. */
function enlarged(rows, shape, mask) {
  const small = document.createElement("canvas"), large = document.createElement("canvas");
  drawRows(small, rows, shape, Math.ceil(Math.sqrt(rows.length)), mask);
  Object.assign(large, { width: SCALE * small.width, height: SCALE * small.height });
  const context = large.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, large.width, large.height);
  return large;
}

export function savePicture(rows, shape) {
  enlarged(rows, shape).toBlob((blob) => download("dream.png", [blob], "image/png"));
}

export function saveMoving(frames, shape) {
  const pictures = frames.map((rows) => enlarged(rows, shape));
  const { width, height } = pictures[0];
  const gray = pictures.map((picture) => {
    const { data } = picture.getContext("2d").getImageData(0, 0, width, height);
    return Uint8Array.from({ length: width * height }, (_, i) => data[4 * i] >> 1);
  });
  download("dream.gif", [gifBytes(gray, width, height, 4)], "image/gif");
}

/** Save rows of numbers 0 to 255 as the array (rows, columns) of bytes of a .npy file. */
export function saveArray(rows) {
  download("dream.npy", [arrayBytes(rows)], "application/octet-stream");
}

/** Return the .npy file, version 1, of rows of bytes. */
export function arrayBytes(rows) {
  const text = `{'descr': '|u1', 'fortran_order': False, 'shape': (${rows.length}, ${rows[0].length}), }`;
  const header = text.padEnd(64 * Math.ceil((text.length + 11) / 64) - 11) + "\n";
  const start = [0x93, ...bytesOf("NUMPY"), 1, 0, ...short(header.length), ...bytesOf(header)];
  return Uint8Array.from([...start, ...rows.flatMap((row) => Array.from(row, Math.round))]);
}

const bytesOf = (text) => Array.from(text, (letter) => letter.charCodeAt(0));
const short = (n) => [n & 255, n >> 8];

/** Return a GIF that loops: frames of grays from 0 to 127, each shown for so many hundredths of a second. */
export function gifBytes(frames, width, height, delay) {
  const palette = Array.from({ length: 128 }, (_, i) => Array(3).fill(Math.round((255 * i) / 127))).flat();
  const out = [...bytesOf("GIF89a"), ...short(width), ...short(height), 0xf6, 0, 0, ...palette];
  out.push(0x21, 0xff, 11, ...bytesOf("NETSCAPE2.0"), 3, 1, 0, 0, 0);
  for (const frame of frames) {
    out.push(0x21, 0xf9, 4, 0, ...short(delay), 0, 0, 0x2c, 0, 0, 0, 0, ...short(width), ...short(height), 0, 7);
    const packed = lzw(frame, 7);
    for (let at = 0; at < packed.length; at += 255) {
      const block = packed.slice(at, at + 255);
      out.push(block.length, ...block);
    }
    out.push(0);
  }
  return Uint8Array.from([...out, 0x3b]);
}

/** Return values below 2^depth as the variable-length codes of a GIF (Welch, 1984). */
function lzw(values, depth) {
  const clear = 1 << depth, out = [];
  let book, next, length, held = 0, bits = 0;
  const emit = (code) => {
    held |= code << bits;
    for (bits += length; bits >= 8; bits -= 8, held >>>= 8) out.push(held & 255);
  };
  const restart = () => { book = new Map(); next = clear + 2; length = depth + 1; };
  restart();
  emit(clear);
  let prefix = values[0];
  for (let i = 1; i < values.length; i++) {
    const key = prefix * 256 + values[i], known = book.get(key);
    if (known !== undefined) { prefix = known; continue; }
    emit(prefix);
    book.set(key, next);
    if (next === 1 << length) length++;
    if (++next > 4095) { emit(clear); restart(); }
    prefix = values[i];
  }
  emit(prefix);
  emit(clear + 1);
  if (bits) out.push(held & 255);
  return out;
}
