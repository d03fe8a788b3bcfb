// What is searched, in a line.

import { plural } from "../shared/text.js";

/** Those documents of a library that are searched. */
export const searchedOf = (documents) => documents.filter((entry) => entry.searched !== false);

/** all: {source, pages, searched} each, as in the value of the library. */
export function summaryOf(all) {
  if (!all.length) return "No pages yet: pick a sample or add your own";
  const documents = searchedOf(all);
  const pages = plural(
    documents.reduce((sum, entry) => sum + entry.pages, 0),
    "page",
  );
  if (documents.length === 1) return `Searching ${documents[0].source} · ${pages}`;
  const [last] = documents.slice(-1);
  return `Searching ${plural(documents.length, "document")} · ${pages}, with ${last.source}`;
}

export const isCut = (length, limit) => length > limit;
