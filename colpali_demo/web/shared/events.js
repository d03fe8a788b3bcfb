// What components on one page announce to one another, as events of the document.

export const ASKED = "query-asked"; // detail: {text}; a search begins
export const SETTLED = "query-settled"; // a search has ended, with an answer or without
export const ERASED = "erasing-settled"; // a page was embedded anew without parts of it, or that was refused
export const LIBRARY = "library-change"; // detail: the value of the library
