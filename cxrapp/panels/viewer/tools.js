// What mouse, pen and fingers do on a pane. One finger or the left button does what the chosen tool
// does; two fingers zoom and move; the right button, or Shift, always sets the window.

function listen(state, pane) {
  const { canvas } = pane;
  const down = new Map(); // pointer -> where it was last, in pixels from the pane's corner
  let tool = null;
  const spot = (event) => {
    const box = boxOf(pane);
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  canvas.onwheel = (event) => {
    event.preventDefault();
    const film = filmOf(pane);
    if (!film) return;
    zoomAt(state.view, film, boxOf(pane), spot(event), Math.exp(-event.deltaY / 400));
    draw(state);
  };
  canvas.ondblclick = () => ACTIONS.fit();
  canvas.oncontextmenu = (event) => event.preventDefault();
  canvas.onpointerdown = (event) => {
    if (!filmOf(pane)) return;
    canvas.setPointerCapture(event.pointerId);
    down.set(event.pointerId, spot(event));
    if (down.size > 1) {
      tool?.cancel?.();
      tool = null;
      return;
    }
    tool = TOOLS[event.button === 2 || event.shiftKey ? 'window' : state.tool](state, pane, spot(event));
  };
  canvas.onpointermove = (event) => {
    const film = filmOf(pane);
    if (!film) return;
    const [last, now] = [down.get(event.pointerId), spot(event)];
    if (!last) {
      hover(state, pane, film, { ...now, event });
      return;
    }
    if (down.size === 2) pinch(state, pane, film, { down, moved: event.pointerId, now });
    else tool?.move(now, last);
    down.set(event.pointerId, now);
    if (down.size === 1) hover(state, pane, film, { ...now, event });
  };
  canvas.onpointerup = canvas.onpointercancel = (event) => {
    down.delete(event.pointerId);
    tool?.end?.();
    tool = null; // a finger that stays after a pinch does nothing by itself
    if (event.pointerType !== 'mouse') leavePane(state);
  };
  canvas.onpointerleave = () => leavePane(state);
}

// The film's own value under the pointer; with the glass as the tool, what is there from near, and
// above a finger, which would cover it.
function hover(state, pane, film, { event, ...point }) {
  const box = boxOf(pane);
  const lift = event.pointerType === 'touch' ? 1.2 * GLASS.radius : 0;
  const on = toPane(state.view, film, box).inverse().transformPoint(point);
  state.pointed = { film, x: on.x, y: on.y };
  state.glass = state.tool === 'glass' ? { x: point.x / box.width, y: point.y / box.height, lift } : null;
  if (state.glass) draw(state);
  else describe();
}

function leavePane(state) {
  state.pointed = state.glass = null;
  draw(state);
}

function pinch(state, pane, film, { down, moved, now }) {
  const [other] = [...down].find(([id]) => id !== moved).slice(1);
  const last = down.get(moved);
  const box = boxOf(pane);
  const far = (a, b) => Math.max(Math.hypot(a.x - b.x, a.y - b.y), 1);
  const middle = { x: (other.x + now.x) / 2, y: (other.y + now.y) / 2 };
  panBy(state.view, film, box, (now.x - last.x) / 2, (now.y - last.y) / 2);
  zoomAt(state.view, film, box, middle, far(other, now) / far(other, last));
  draw(state);
}

const TOOLS = {
  move: (state, pane) => ({
    move: (now, last) => {
      panBy(state.view, filmOf(pane), boxOf(pane), now.x - last.x, now.y - last.y);
      draw(state);
    },
  }),

  // As on a reading station: sideways for width, up and down for level. A pane's width is as much as
  // the film's whole range.
  window: (state, pane) => ({
    move: (now, last) => {
      const { width, level } = currentWindow();
      const { whole } = state.film.range;
      const step = (whole.high - whole.low) / Math.max(boxOf(pane).width, 256);
      setWindow(width + (now.x - last.x) * step, level + (now.y - last.y) * step);
    },
  }),

  glass: () => ({ move: () => {} }), // follows the pointer by itself

  ruler: (state, pane, start) => {
    const film = filmOf(pane);
    const onFilm = (point) => {
      const { x, y } = toPane(state.view, film, boxOf(pane)).inverse().transformPoint(point);
      return { x: Math.min(Math.max(x, 0), film.width), y: Math.min(Math.max(y, 0), film.height) };
    };
    const lines = state.rulers.get(film.id) ?? [];
    const line = { from: onFilm(start), to: onFilm(start) };
    state.rulers.set(film.id, lines);
    const cancel = () => {
      if (lines.includes(line)) lines.splice(lines.indexOf(line), 1);
      draw(state);
    };
    return {
      move: (now) => {
        if (!lines.includes(line)) lines.push(line);
        line.to = onFilm(now);
        state.measured = lengthWords(film, line.from, line.to);
        draw(state);
      },
      cancel,
    };
  },
};
