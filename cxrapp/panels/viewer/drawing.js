// One pane's picture: the film through its window, a map, the lungs' outlines, rulers, the glass.

const GLASS = { radius: 95, zoom: 2.5 }; // of the magnifier, in pixels of the pane
const scratch = document.createElement('canvas');

function draw(state) {
  if (state.waiting) return;
  state.waiting = true;
  requestAnimationFrame(() => {
    state.waiting = false;
    state.panes.filter((pane) => pane.canvas.isConnected).forEach((pane) => drawPane(state, pane));
    describe();
  });
}

function boxOf({ canvas }) {
  return canvas.getBoundingClientRect();
}

function drawPane(state, pane) {
  const { canvas } = pane;
  const box = boxOf(pane);
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(box.width * ratio);
  canvas.height = Math.round(box.height * ratio);
  const film = filmOf(pane);
  if (!film || !box.width) return;
  const context = canvas.getContext('2d');
  const place = new DOMMatrix().scaleSelf(ratio, ratio).multiplySelf(toPane(state.view, film, box));
  const whole = { x: 0, y: 0, width: canvas.width, height: canvas.height };
  drawLayers(state, pane, film, { context, place, area: whole });
  if (state.glass) {
    const { x: across, y: down, lift } = state.glass;
    const [x, under, radius, up] = [across * box.width, down * box.height, GLASS.radius, lift].map((n) => n * ratio);
    const y = under - up;
    const near = new DOMMatrix().translateSelf(x, y).scaleSelf(GLASS.zoom).translateSelf(-x, -under).multiplySelf(place);
    context.save();
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.clip();
    const area = { x: x - radius, y: y - radius, width: 2 * radius, height: 2 * radius };
    drawLayers(state, pane, film, { context, place: near, area });
    context.restore();
    context.strokeStyle = '#f8fafc';
    context.lineWidth = 2 * ratio;
    context.stroke();
  }
  if (pane.prior || pane === state.panes[0]) drawRulers(state, film, { context, place, ratio });
}

function drawLayers(state, pane, film, { context, place, area }) {
  context.save();
  context.fillStyle = '#000';
  context.fillRect(area.x, area.y, area.width, area.height);
  context.setTransform(place);
  drawPixels(context, film, tableOf(film), { place, area });
  context.imageSmoothingEnabled = true;
  const heat = pane.prior ? null : state.images.get(state.data.panes[pane.index]?.heat);
  if (heat) {
    context.globalAlpha = state.opacity;
    context.drawImage(heat, 0, 0, film.width, film.height);
    context.globalAlpha = 1;
  }
  const lungs = state.outlined && !pane.prior && state.images.get(state.data.lungs);
  if (lungs) context.drawImage(lungs, 0, 0, film.width, film.height);
  context.restore();
}

// Only what is in sight is put through the table: the cost is that of the pane, not of the film.
function drawPixels(context, film, table, { place, area }) {
  const scale = Math.hypot(place.a, place.b);
  const level = levelFor(film, scale);
  const [across, down] = [film.width / level.width, film.height / level.height];
  const back = place.inverse();
  const corners = [[0, 0], [1, 0], [0, 1], [1, 1]].map(([x, y]) =>
    back.transformPoint({ x: area.x + x * area.width, y: area.y + y * area.height }));
  const span = (places, step, size) => [
    Math.max(Math.floor(Math.min(...places) / step) - 1, 0),
    Math.min(Math.ceil(Math.max(...places) / step) + 1, size),
  ];
  const [left, right] = span(corners.map(({ x }) => x), across, level.width);
  const [top, bottom] = span(corners.map(({ y }) => y), down, level.height);
  const [width, height] = [right - left, bottom - top];
  if (width <= 0 || height <= 0) return;
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let y = 0, to = 0; y < height; y++) {
    let from = (top + y) * level.width + left;
    for (let x = 0; x < width; x++) pixels[to++] = table[level.numbers[from++]];
  }
  [scratch.width, scratch.height] = [width, height];
  scratch.getContext('2d').putImageData(image, 0, 0);
  context.imageSmoothingEnabled = scale < 3; // from there on a reader wants to see the pixels
  context.imageSmoothingQuality = 'high';
  context.drawImage(scratch, left * across, top * down, width * across, height * down);
}

function drawRulers(state, film, { context, place, ratio }) {
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.font = `${13 * ratio}px ${getComputedStyle(state.root).fontFamily}`;
  for (const { from, to } of state.rulers.get(film.id) ?? []) {
    const [a, b] = [from, to].map((point) => place.transformPoint(point));
    for (const [colour, width] of [['#000', 4], ['#fde047', 2]]) { // seen on dark and on bright
      context.strokeStyle = colour;
      context.lineWidth = width * ratio;
      context.beginPath();
      context.moveTo(a.x, a.y);
      context.lineTo(b.x, b.y);
      for (const { x, y } of [a, b]) {
        context.moveTo(x - 5 * ratio, y);
        context.lineTo(x + 5 * ratio, y);
        context.moveTo(x, y - 5 * ratio);
        context.lineTo(x, y + 5 * ratio);
      }
      context.stroke();
    }
    const words = lengthWords(film, from, to);
    const [x, y] = [(a.x + b.x) / 2 + 8 * ratio, (a.y + b.y) / 2 - 8 * ratio];
    context.lineWidth = 4 * ratio;
    context.strokeStyle = '#000';
    context.strokeText(words, x, y);
    context.fillStyle = '#fde047';
    context.fillText(words, x, y);
  }
}

function lengthWords({ spacing }, from, to) {
  const [x, y] = [to.x - from.x, to.y - from.y];
  if (!spacing) return `${Math.hypot(x, y).toFixed(0)} pixels`;
  return `${Math.hypot(x * spacing[1], y * spacing[0]).toFixed(1)} mm`;
}
