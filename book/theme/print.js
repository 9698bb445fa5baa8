// Folded answers on paper, where nobody can unfold them: they are opened before a page is printed, and those that were
// closed are closed again behind it. In print.html, which is there to be printed, they stay open.
"use strict";

(() => {
  let opened = [];

  function unfold() {
    opened = [...document.querySelectorAll("main details:not([open])")];
    for (const details of opened) details.open = true;
  }

  function fold() {
    for (const details of opened) details.open = false;
    opened = [];
  }

  if (location.pathname.endsWith("/print.html")) {
    unfold();
    return;
  }
  window.addEventListener("beforeprint", unfold);
  window.addEventListener("afterprint", fold);
})();
