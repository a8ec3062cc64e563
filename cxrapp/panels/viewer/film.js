// Films as the browser holds them: every pixel's number as the file stores it, 8 or 16 bits deep.
// A canvas knows 8 bits only, so the PNG is read here and a window is laid over the numbers.

const KEPT_BYTES = 512 * 2 ** 20;
const films = new Map(); // id -> film; the last seen is the last one

function takeFilm(id) {
  const film = films.get(id);
  if (film) { films.delete(id); films.set(id, film); }
  return film;
}

async function keepFilm(id, { png, greys, units, screened, spacing }) {
  const { width, height, numbers } = await readPng(fromBase64(png));
  const film = { id, width, height, units, screened, spacing, greys: fromBase64(greys), levels: [{ width, height, numbers }] };
  film.range = measure(film);
  films.set(id, film);
  let held = 0;
  for (const [other, { levels }] of [...films].reverse()) {
    held += 1.4 * levels[0].numbers.byteLength;
    if (held > KEPT_BYTES && other !== id) films.delete(other);
  }
  return film;
}

function fromBase64(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

// A grey PNG of 8 or 16 bits, not interlaced: https://www.w3.org/TR/png-3/
async function readPng(file) {
  const view = new DataView(file.buffer);
  const [width, height, depth, colour, interlaced] = [
    view.getUint32(16), view.getUint32(20), file[24], file[25], file[28]];
  if (colour !== 0 || interlaced || (depth !== 8 && depth !== 16)) throw new Error('no grey PNG');
  const parts = [];
  for (let at = 8; at < file.length;) {
    const length = view.getUint32(at);
    if (view.getUint32(at + 4) === 0x49444154) parts.push(file.subarray(at + 8, at + 8 + length)); // IDAT
    at += length + 12;
  }
  const stream = new Blob(parts).stream().pipeThrough(new DecompressionStream('deflate'));
  const raw = new Uint8Array(await new Response(stream).arrayBuffer());
  const size = depth / 8;
  const bytes = unfilter(raw, width * size, height, size);
  if (depth === 8) return { width, height, numbers: bytes };
  const numbers = new Uint16Array(width * height);
  for (let i = 0; i < numbers.length; i++) numbers[i] = (bytes[2 * i] << 8) | bytes[2 * i + 1];
  return { width, height, numbers };
}

// Each row is preceded by its filter, which took from a byte its neighbours at the left and above.
function unfilter(raw, stride, height, size) {
  const out = new Uint8Array(stride * height);
  for (let row = 0; row < height; row++) {
    const filter = raw[row * (stride + 1)];
    const from = row * (stride + 1) + 1;
    const to = row * stride;
    for (let i = 0; i < stride; i++) {
      const left = i < size ? 0 : out[to + i - size];
      const above = row === 0 ? 0 : out[to + i - stride];
      let guess = 0;
      if (filter === 1) guess = left;
      else if (filter === 2) guess = above;
      else if (filter === 3) guess = (left + above) >> 1;
      else if (filter === 4) {
        const corner = i < size || row === 0 ? 0 : out[to + i - stride - size];
        guess = paeth(left, above, corner);
      }
      out[to + i] = raw[from + i] + guess;
    }
  }
  return out;
}

function paeth(left, above, corner) {
  const [a, b, c] = [Math.abs(above - corner), Math.abs(left - corner), Math.abs(left + above - 2 * corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? above : corner;
}

// Smaller copies, each of half the side, so that a film in a small pane costs little and is smooth.
function levelFor(film, scale) {
  let place = 0;
  while (scale * 2 ** (place + 1) <= 1 && Math.min(film.width, film.height) >> (place + 1) > 64) place++;
  while (film.levels.length <= place) film.levels.push(halve(film.levels.at(-1)));
  return film.levels[place];
}

function halve({ width, height, numbers }) {
  const [w, h] = [(width + 1) >> 1, (height + 1) >> 1];
  const half = new numbers.constructor(w * h);
  for (let y = 0; y < h; y++) {
    const [upper, lower] = [2 * y * width, Math.min(2 * y + 1, height - 1) * width];
    for (let x = 0; x < w; x++) {
      const [left, right] = [2 * x, Math.min(2 * x + 1, width - 1)];
      half[y * w + x] = (numbers[upper + left] + numbers[upper + right]
        + numbers[lower + left] + numbers[lower + right] + 2) >> 2;
    }
  }
  return { width: w, height: h, numbers: half };
}

const valueOf = ({ units }, number) => number * units.slope + units.intercept;

function valueAt(film, x, y) {
  const [column, row] = [Math.floor(x), Math.floor(y)];
  if (column < 0 || row < 0 || column >= film.width || row >= film.height) return null;
  const number = film.levels[0].numbers[row * film.width + column];
  return number === film.units.padding ? null : valueOf(film, number);
}

// Where the film's values lie: its ends, its darker and its brighter part, and the window it was
// screened by.
function measure(film) {
  const { numbers } = levelFor(film, 256 / Math.max(film.width, film.height));
  const { padding, inverse } = film.units;
  const sorted = numbers.filter((number) => number !== padding).sort();
  const part = (share) => valueOf(film, sorted[Math.round(share * (sorted.length - 1))] ?? 0);
  const span = (from, to) => {
    const ends = [part(from), part(to)].sort((a, b) => a - b);
    return { low: ends[0], high: Math.max(ends[1], ends[0] + Math.abs(film.units.slope)) };
  };
  let [least, most] = [Infinity, -Infinity];
  for (const number of film.levels[0].numbers) {
    if (number === padding) continue;
    if (number < least) least = number;
    if (number > most) most = number;
  }
  const ends = [valueOf(film, least), valueOf(film, most)].sort((a, b) => a - b);
  const rising = film.units.slope > 0;
  const darkFirst = rising !== inverse;
  return {
    whole: { low: ends[0], high: ends[1] },
    dark: darkFirst ? span(0.01, 0.6) : span(0.4, 0.99),
    bright: darkFirst ? span(0.4, 0.995) : span(0.005, 0.6),
    screened: { low: film.screened[0], high: film.screened[1] },
  };
}

// Number -> pixel of a canvas. No window is the film as it was screened.
function buildTable(film, window, inverted) {
  const { padding, inverse } = film.units;
  const table = new Uint32Array(film.greys.length);
  for (let number = 0; number < table.length; number++) {
    let grey = film.greys[number];
    if (window) {
      const share = (valueOf(film, number) - window.low) / (window.high - window.low);
      grey = 255 * Math.min(Math.max(inverse ? 1 - share : share, 0), 1);
    }
    if (number === padding) grey = 0;
    else if (inverted) grey = 255 - grey;
    table[number] = 0xff000000 | (Math.round(grey) * 0x010101);
  }
  return table;
}
