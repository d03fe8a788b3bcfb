// What pointers and keys do on a page of the lens: point at patches, zoom, pan.

import { centerOf, spanOf } from "../shared/cells.js";
import { arrowMove } from "../shared/dom.js";

export const MAX_ZOOM = 8;

/** Zoom by a factor and keep the point of the page under (clientX, clientY) where it is; without one, the middle. */
export function zoomAt({ stage }, lens, by, point) {
  const box = stage.frame.getBoundingClientRect();
  const across = point ? (point.clientX - box.left) / box.width : 0.5;
  const down = point ? (point.clientY - box.top) / box.height : 0.5;
  const { factor, x, y } = lens.state.zoom;
  const next = Math.max(1, Math.min(MAX_ZOOM, factor * by));
  lens.setZoom(next, x + across / factor - across / next, y + down / factor - down / next);
}

const onCard = (event) => event.target.closest(".card");

/** Zoom in: from the whole page on the patch that is pointed at, or on the strongest winner; then on the middle. */
export function zoomIn(owner, lens) {
  const at = lens.state.patch ?? strongestWinner(owner, lens);
  if (lens.state.zoom.factor > 1 || !at) return zoomAt(owner, lens, 2);
  const { down, across } = spanOf(owner.stage.grid);
  lens.setZoom(2, (at.col + 0.5) / across - 0.25, (at.row + 0.5) / down - 0.25);
}

/** Listen to the frame of a page of the lens, {stage, side, maps}. */
export function listenTo(owner, lens) {
  const { frame } = owner.stage;
  const { state } = lens;
  listenToPointers(owner, lens);
  frame.addEventListener("dblclick", (event) => {
    if (onCard(event)) return;
    if (state.zoom.factor >= MAX_ZOOM) lens.setZoom(1, 0, 0);
    else zoomAt(owner, lens, 2, event);
  });
  frame.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      zoomAt(owner, lens, Math.exp(-event.deltaY / 200), event);
    },
    { passive: false },
  );
  frame.addEventListener("keydown", (event) => pressed(owner, lens, event));
  frame.addEventListener("blur", () => {
    if (!state.patch || frame.matches(":hover") || frame.contains(document.activeElement)) return;
    lens.setPatch(null);
  });
}

/** A pointer that hovers points at patches, a click pins one, and what is pressed drags. */
function listenToPointers(owner, lens) {
  const { frame } = owner.stage;
  const { state } = lens;
  const pointers = new Map(); // of fingers and pressed buttons: id -> last event
  let dragged = false;
  const isAt = (patch) =>
    Boolean(patch && state.patch) && patch.row === state.patch.row && patch.col === state.patch.col;
  const patchAt = (event) => {
    const patch = owner.stage.patchAt(event);
    return patch && { ...patch, side: owner.side };
  };
  const hover = (event) => {
    if (state.patch?.pinned || event.pointerType === "touch" || onCard(event)) return;
    const patch = patchAt(event);
    const same = isAt(patch) && state.patch.side === owner.side;
    if (!same && patch !== state.patch) lens.setPatch(patch);
  };
  const release = (event) => pointers.delete(event.pointerId);

  frame.addEventListener("pointerdown", (event) => {
    if (onCard(event) || event.button) return;
    pointers.set(event.pointerId, event);
    dragged = false;
  });
  frame.addEventListener("pointermove", (event) => {
    if (!owner.maps) return;
    const before = pointers.get(event.pointerId);
    const drags = before && (state.zoom.factor > 1 || pointers.size === 2);
    if (!drags) hover(event);
    else if (drag(owner, lens, event, before, pointers)) dragged = true;
  });
  frame.addEventListener("pointerup", release);
  frame.addEventListener("pointercancel", release);
  frame.addEventListener("pointerleave", (event) => {
    release(event);
    if (state.patch?.pinned || document.activeElement === frame || !owner.maps) return;
    lens.setPatch(null);
  });
  frame.addEventListener("click", (event) => {
    if (!owner.maps || dragged || onCard(event)) return;
    const patch = patchAt(event);
    lens.setPatch(patch && { ...patch, pinned: !(state.patch?.pinned && isAt(patch)) });
  });
}

/** Pan with one pointer, zoom with two. Returns whether anything moved. */
function drag(owner, lens, event, before, pointers) {
  const box = owner.stage.frame.getBoundingClientRect();
  const { factor, x, y } = lens.state.zoom;
  if (pointers.size === 2) {
    const [, other] = [...pointers].find(([id]) => id !== event.pointerId);
    const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
    zoomAt(owner, lens, apart(event) / Math.max(1, apart(before)), {
      clientX: (event.clientX + other.clientX) / 2,
      clientY: (event.clientY + other.clientY) / 2,
    });
  } else {
    const [right, down] = [event.clientX - before.clientX, event.clientY - before.clientY];
    if (Math.hypot(right, down) < 3) return false;
    lens.setZoom(factor, x - right / box.width / factor, y - down / box.height / factor);
  }
  pointers.set(event.pointerId, event);
  return true;
}

function pressed(owner, lens, event) {
  if (!owner.maps || event.target !== owner.stage.frame || event.ctrlKey || event.metaKey || event.altKey) return;
  const { state } = lens;
  const move = arrowMove(event.key);
  const winner = strongestWinner(owner, lens);
  if (event.key === "+" || event.key === "=") zoomIn(owner, lens);
  else if (event.key === "-") zoomAt(owner, lens, 0.5);
  else if (event.key === "0") lens.setZoom(1, 0, 0);
  else if (event.key === "Enter" && winner) reach(owner, lens, winner.row, winner.col);
  else if (move) {
    // Without a cursor, the first arrow key puts it on the winner, or into the corner.
    const start = state.patch || (winner ?? { row: 0, col: 0 });
    const step = state.patch ? move : [0, 0];
    reach(owner, lens, start.row + step[0], start.col + step[1]);
  } else return;
  event.preventDefault();
}

/** The patch in the middle of the winner on show that adds most, {row, col}; undefined where none is a patch. */
function strongestWinner(owner, lens) {
  const value = ({ index }) => lens.state.valueOf(owner.key, [index]);
  const matches = lens.view.parts.flatMap((item) => owner.maps.matches(item.tokens));
  if (!matches.length) return undefined;
  const match = matches.reduce((top, each) => (value(each) > value(top) ? each : top));
  const center = centerOf(match.cells);
  const apart = ([row, col]) => Math.hypot(row + 0.5 - center.row, col + 0.5 - center.col);
  const [row, col] = match.cells.reduce((best, cell) => (apart(cell) < apart(best) ? cell : best));
  return { row, col };
}

/** Put the cursor on a patch, and the patch into view. */
function reach(owner, lens, wantedRow, wantedCol) {
  const { row, col } = owner.stage.nearest(wantedRow, wantedCol);
  const { down, across } = spanOf(owner.stage.grid);
  const { factor, x, y } = lens.state.zoom;
  const keep = (start, at, parts) => Math.min(at / parts, Math.max((at + 1) / parts - 1 / factor, start));
  lens.state.patch = { row, col, side: owner.side, pinned: true };
  lens.setZoom(factor, keep(x, col, across), keep(y, row, down));
  lens.setPatch(lens.state.patch);
}
