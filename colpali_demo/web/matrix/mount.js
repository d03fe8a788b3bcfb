// The matrix on the page: listens to the lens and to what visitors do here.

import { Matrix } from "./matrix.js";

const NEAR = "300px"; // how far below the screen the matrix is painted already

export function mount({ element, props }) {
  const matrix = new Matrix({ element, props });
  listen(matrix, matrix.part("cells"));
  document.addEventListener("lens-change", (event) => {
    if (event.target.closest(`#${props.of}`)) matrix.follow(event.detail.lens, event.detail.what);
  });
  watchScreen(matrix, matrix.part("cells"));
  matrix.follow(document.querySelector(`#${props.of} [data-lens]`)?.lens, "page");
}

function listen(matrix, cells) {
  cells.addEventListener("pointermove", (event) => matrix.point(matrix.cellAt(event)));
  cells.addEventListener("pointerdown", (event) => matrix.point(matrix.cellAt(event)));
  cells.addEventListener("pointerleave", () => matrix.point(null));
  cells.addEventListener("click", (event) => {
    const at = matrix.cellAt(event);
    if (at) matrix.pin(at, event.shiftKey);
  });
  cells.addEventListener("keydown", (event) => {
    const next = matrix.cellBy(event.key);
    if (event.key === "Enter") matrix.pin(next, event.shiftKey);
    else if (event.key === "Escape") matrix.point(null);
    else if (next) matrix.point(next);
    else return;
    event.preventDefault();
  });
  cells.addEventListener("blur", () => matrix.point(null));
  // The browser scrolls there, but reports it to the observer later.
  cells.addEventListener("focus", () => matrix.come(true));
}

/** Paint only what is near the screen, and all of it for print. */
function watchScreen(matrix, cells) {
  new ResizeObserver(() => matrix.resized()).observe(cells);
  new IntersectionObserver((entries) => matrix.come(entries[entries.length - 1].isIntersecting), {
    rootMargin: NEAR,
  }).observe(cells);
  window.addEventListener("beforeprint", () => matrix.come(true));
}
