// One part of the page alone, for a lecture hall: on the full screen, or in the whole window where that is refused.

const TYPING = "input:not([type=range], [type=checkbox], [type=radio]), select, textarea, [contenteditable]";

/** Whether a key pressed alone, without Ctrl and the like, is more than a letter of what somebody types. */
const isCommand = (event) =>
  !event.altKey && !event.ctrlKey && !event.metaKey && !event.defaultPrevented && !event.target.closest(TYPING);

export class Presenter {
  /**
   * The key F presents `root` while it is on the screen; F and Escape end it. Meanwhile `root` has the class
   * "presenting", and the key D changes between light and dark. `changed` is called when it begins and ends, `shaded`
   * after a change of colors.
   */
  constructor(root, { changed = () => {}, shaded = () => {} } = {}) {
    Object.assign(this, { root, changed, shaded, undo: null });
    document.addEventListener("keydown", (event) => this.press(event));
    document.addEventListener("fullscreenchange", () => {
      if (this.on && !document.fullscreenElement) this.leave();
    });
  }

  get on() {
    return this.undo !== null;
  }

  toggle() {
    if (this.on) this.leave();
    else this.enter();
  }

  enter() {
    const { root } = this;
    const { documentElement: whole, body } = document;
    const beside = besides(root);
    const before = { overflow: whole.style.overflow, dark: body.classList.contains("dark"), at: window.scrollY };
    for (const each of beside) each.inert = true;
    whole.style.overflow = "hidden";
    root.classList.add("presenting");
    this.undo = () => {
      for (const each of beside) each.inert = false;
      whole.style.overflow = before.overflow;
      body.classList.toggle("dark", before.dark);
      root.classList.remove("presenting");
      window.scrollTo(0, before.at);
    };
    root.requestFullscreen?.().catch(() => {}); // refused in frames and on some phones: the window then
    this.changed();
  }

  leave() {
    this.undo();
    this.undo = null;
    if (document.fullscreenElement) document.exitFullscreen();
    this.changed();
  }

  /** Change between light and dark, until `leave`. */
  shade() {
    document.body.classList.toggle("dark");
    this.shaded();
  }

  press(event) {
    if (!isCommand(event) || (!this.on && (this.root.offsetParent === null || document.querySelector(".presenting"))))
      return;
    const act = {
      f: () => this.toggle(),
      d: this.on && (() => this.shade()),
      escape: this.on && (() => this.leave()),
    }[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  }
}

/** All elements of the page but those around an element and in it, as far as they can be reached now. */
function besides(element) {
  const found = [];
  for (let at = element; at !== document.body; at = at.parentElement)
    found.push(...[...at.parentElement.children].filter((other) => other !== at && !other.inert));
  return found;
}
