// Draws the two symbols a card is shown in, on the phone itself: its code changes every half
// minute, with or without a network. QR version 1 at level Q with one fixed mask (ISO/IEC 18004),
// and Code 128 in set C (ISO/IEC 15417). A symbol is an array of rows, each a string of 1 and 0.

export const PERIOD_S = 30;
export const QUIET = { qr: 4, code128: 11 };
const BAR_HEIGHT = 48;

// QR.

const SIZE = 21;
const DATA_CODEWORDS = 13;
const CHECK_CODEWORDS = 13;
const FORMAT = 0b011101000000110; // level Q, mask 3, with its own check bits and mask

const EXP = [];
for (let value = 1, power = 0; power < 255; power += 1) {
  EXP.push(value);
  value = (value << 1) ^ (value & 128 ? 0x11d : 0);
}
const LOG = [];
EXP.forEach((value, power) => { LOG[value] = power; });
const times = (a, b) => (a && b ? EXP[(LOG[a] + LOG[b]) % 255] : 0);

function dataCodewords(digits) {
  let bits = "0001" + digits.length.toString(2).padStart(10, "0");
  for (let at = 0; at < digits.length; at += 3) {
    const group = digits.slice(at, at + 3);
    bits += Number(group).toString(2).padStart(group.length * 3 + 1, "0");
  }
  if (bits.length > DATA_CODEWORDS * 8) throw new RangeError("too many digits for QR version 1");
  bits += "0000".slice(0, DATA_CODEWORDS * 8 - bits.length);
  bits = bits.padEnd(Math.ceil(bits.length / 8) * 8, "0");
  const words = bits.match(/.{8}/g).map((octet) => parseInt(octet, 2));
  for (let pad = 0xec; words.length < DATA_CODEWORDS; pad ^= 0xec ^ 0x11) words.push(pad);
  return words;
}

function checkCodewords(data) {
  let generator = [1];
  for (let power = 0; power < CHECK_CODEWORDS; power += 1) {
    const next = generator.concat(0);
    generator.forEach((factor, at) => { next[at + 1] ^= times(factor, EXP[power]); });
    generator = next;
  }
  const rest = data.concat(Array(CHECK_CODEWORDS).fill(0));
  for (let at = 0; at < data.length; at += 1) {
    const factor = rest[at];
    generator.forEach((g, offset) => { rest[at + offset] ^= times(g, factor); });
  }
  return rest.slice(data.length);
}

function emptyGrid() {
  const grid = Array.from({ length: SIZE }, () => Array(SIZE).fill(null));
  for (const [top, left] of [[0, 0], [0, SIZE - 7], [SIZE - 7, 0]]) {
    for (let y = -1; y <= 7; y += 1) {
      for (let x = -1; x <= 7; x += 1) {
        if (grid[top + y]?.[left + x] === undefined) continue;
        const ring = Math.max(Math.abs(y - 3), Math.abs(x - 3));
        grid[top + y][left + x] = ring !== 2 && ring !== 4;
      }
    }
  }
  for (let at = 8; at < SIZE - 8; at += 1) grid[6][at] = grid[at][6] = at % 2 === 0;
  for (let bit = 0; bit < 15; bit += 1) {
    const dark = ((FORMAT >> bit) & 1) === 1;
    grid[bit < 6 ? bit : bit < 8 ? bit + 1 : SIZE - 15 + bit][8] = dark;
    grid[8][bit < 8 ? SIZE - 1 - bit : bit < 9 ? 7 : 14 - bit] = dark;
  }
  grid[SIZE - 8][8] = true;
  return grid;
}

export function qr(digits) {
  const data = dataCodewords(digits);
  const bits = data.concat(checkCodewords(data))
    .map((word) => word.toString(2).padStart(8, "0")).join("");
  const grid = emptyGrid();
  let at = 0;
  let upward = true;
  for (let right = SIZE - 1; right > 0; right -= 2) {
    if (right === 6) right -= 1; // the timing column
    for (let step = 0; step < SIZE; step += 1) {
      const y = upward ? SIZE - 1 - step : step;
      for (const x of [right, right - 1]) {
        if (grid[y][x] !== null) continue;
        grid[y][x] = (bits[at] === "1") !== ((x + y) % 3 === 0);
        at += 1;
      }
    }
    upward = !upward;
  }
  return grid.map((row) => row.map(Number).join(""));
}

// Code 128: six bar and space widths a symbol character, 0 to 105.

const WIDTHS =
  "212222222122222221121223121322131222122213122312132212221213221312231212112232122132122231" +
  "113222123122123221223211221132221231213212223112312131311222321122321221312212322112322211" +
  "212123212321232121111323131123131321112313132113132311211313231113231311112133112331132131" +
  "113123113321133121313121211331231131213113213311213131311123311321331121312113312311332111" +
  "314111221411431111111224111422121124121421141122141221112214112412122114122411142112142211" +
  "241211221114413111241112134111111242121142121241114212124112124211411212421112421211212141" +
  "214121412121111143111341131141114113114311411113411311113141114131311141411131211412211214" +
  "211232";
const START_C = 105;
const STOP = "2331112";

export function code128(digits) {
  if (digits.length % 2) throw new RangeError("bars hold an even count of digits");
  const pairs = digits.match(/../g).map(Number);
  const check = pairs.reduce((sum, pair, at) => sum + pair * (at + 1), START_C) % 103;
  const widths = [START_C, ...pairs, check].map((c) => WIDTHS.slice(c * 6, c * 6 + 6));
  const modules = [...widths.join("") + STOP].map((width, at) => (at % 2 ? "0" : "1").repeat(width));
  return [modules.join("")];
}

// Drawing: one user unit a module, quiet zone included.

export function draw(svg, kind, digits) {
  const rows = kind === "qr" ? qr(digits) : code128(digits);
  const height = kind === "qr" ? 1 : BAR_HEIGHT;
  const quiet = QUIET[kind];
  let path = "";
  rows.forEach((row, y) => {
    for (const run of row.matchAll(/1+/g)) {
      const width = run[0].length;
      path += `M${quiet + run.index} ${quiet + y * height}h${width}v${height}h-${width}z`;
    }
  });
  const size = [rows[0].length + 2 * quiet, rows.length * height + 2 * quiet];
  svg.setAttribute("viewBox", `0 0 ${size.join(" ")}`);
  svg.setAttribute("class", kind);
  svg.firstElementChild.setAttribute("d", path);
}

// The code itself: prefix, number, step modulo 100, RFC 4226 value, ISO/IEC 7064 MOD 97-10.

export async function liveCode(card, step) {
  const counter = new DataView(new ArrayBuffer(8));
  counter.setUint32(0, Math.floor(step / 2 ** 32));
  counter.setUint32(4, step % 2 ** 32);
  const mac = new DataView(await crypto.subtle.sign("HMAC", card.key, counter.buffer));
  const value = (mac.getUint32(mac.getUint8(19) & 15) & 0x7fffffff) % 1_000_000;
  const twoDigits = (number) => String(number).padStart(2, "0");
  const body = card.prefix + card.number + twoDigits(step % 100) + String(value).padStart(6, "0");
  return body + twoDigits(98n - (BigInt(body) * 100n) % 97n);
}
