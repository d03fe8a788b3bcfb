// How far indexing is, in words.

import { plural } from "../shared/text.js";

export const STOPPING = "Stopping after this page; what is done stays.";

function timeLeft(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s left`;
  return `${Math.round(seconds / 60)} min left`;
}

/** One line for the `progress` of a library's value. */
export function progressText(progress) {
  if (progress.stopping) return STOPPING;
  if (progress.note) return progress.note;
  const parts = [progress.source];
  parts.push(progress.total ? `${progress.done} of ${plural(progress.total, "page")}` : plural(progress.done, "page"));
  if (progress.rate) parts.push(`${progress.rate < 10 ? progress.rate.toFixed(1) : Math.round(progress.rate)} pages/s`);
  if (progress.left !== null && progress.left !== undefined) parts.push(timeLeft(progress.left));
  return parts.join(" · ");
}
