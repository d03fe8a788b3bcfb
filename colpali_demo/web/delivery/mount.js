// The delivery: starts the download of a file that the server has made. Each value is another file.

import { node, partsOf } from "../shared/dom.js";

export function mount({ element, props, watch }) {
  const part = partsOf(element);
  let delivered = null;

  function load() {
    const { value } = props;
    document.dispatchEvent(new CustomEvent("delivery", { detail: value }));
    if (!value?.file) return part("line").replaceChildren(); // what it was about is gone
    if (value.id === delivered) return;
    delivered = value.id;
    const link = node("a", { href: value.file.url, download: value.name }, value.name);
    part("line").replaceChildren("Your file: ", link);
    link.click();
  }

  watch("value", load);
  load();
}
