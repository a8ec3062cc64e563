// Where a film lies in a pane. A view is shared by all panes: zoom 1 shows the whole film; x and y
// move it, as shares of its longer side; turn counts quarters, and flip exchanges left and right of
// what is seen.

const UPRIGHT = { zoom: 1, x: 0, y: 0, turn: 0, flip: false };
const MAX_ZOOM = 40;

const longerSide = ({ width, height }) => Math.max(width, height);

function seenSize(view, { width, height }) {
  return view.turn % 2 ? [height, width] : [width, height];
}

function fitScale(view, film, box) {
  const [width, height] = seenSize(view, film);
  return Math.min(box.width / width, box.height / height);
}

// From pixels of the film to pixels of the pane, and (inverse) back.
function toPane(view, film, box) {
  const scale = fitScale(view, film, box) * view.zoom;
  const far = longerSide(film) * scale;
  return new DOMMatrix()
    .translateSelf(box.width / 2 - view.x * far, box.height / 2 - view.y * far)
    .scaleSelf(view.flip ? -scale : scale, scale)
    .rotateSelf(90 * view.turn)
    .translateSelf(-film.width / 2, -film.height / 2);
}

// A film that is larger than the pane fills it, a smaller one stays in its middle: none gets lost.
function clampView(view, film, box) {
  const scale = fitScale(view, film, box) * view.zoom;
  const far = longerSide(film) * scale;
  const [width, height] = seenSize(view, film);
  const clamp = (value, size, room) => {
    const most = Math.max(size * scale - room, 0) / 2 / far;
    return Math.min(Math.max(value, -most), most);
  };
  view.x = clamp(view.x, width, box.width);
  view.y = clamp(view.y, height, box.height);
}

function panBy(view, film, box, dx, dy) {
  const far = longerSide(film) * fitScale(view, film, box) * view.zoom;
  view.x -= dx / far;
  view.y -= dy / far;
  clampView(view, film, box);
}

// What lies under the point, in pixels from the pane's corner, stays there.
function zoomAt(view, film, box, point, factor) {
  const far = () => longerSide(film) * fitScale(view, film, box) * view.zoom;
  const [x, y] = [point.x - box.width / 2, point.y - box.height / 2];
  const before = far();
  const least = Math.min(1, 1 / fitScale(view, film, box)); // a small film may be seen as small as it is
  view.zoom = Math.min(Math.max(view.zoom * factor, least), MAX_ZOOM);
  view.x += x / before - x / far();
  view.y += y / before - y / far();
  clampView(view, film, box);
}

function turn(view) {
  view.turn = (view.turn + (view.flip ? 3 : 1)) % 4; // clockwise on the screen in either case
}

function describeTurn({ turn: quarters, flip }) {
  const words = [];
  if (flip) words.push('left and right exchanged');
  if (quarters) words.push(`turned by ${90 * (flip ? 4 - quarters : quarters)}°`);
  return words.join(', ');
}
