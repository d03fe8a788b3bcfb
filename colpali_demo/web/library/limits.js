// Documents of which a limit let only some pages in: those can be searched, so it is shown as a success.

import { plural } from "../shared/text.js";

const LIMITS = new Set(["too_many_pages", "session_full", "stopped"]);

/** The errors of a library in two lists: pages that are in up to a limit, and what could not be read. */
export function sorted(errors) {
  const isLimit = ({ code }) => LIMITS.has(code);
  return { limits: errors.filter(isLimit), failures: errors.filter((error) => !isLimit(error)) };
}

/** What is in of the document that a limit cut, and what to do about the rest. */
export function limitText({ source, code, message }, documents) {
  if (code === "too_many_pages") return message; // which has both numbers
  const entry = documents.find((each) => each.source === source && each.pages);
  return entry ? `${plural(entry.pages, "page")} are in and can be searched. ${message}` : message;
}
