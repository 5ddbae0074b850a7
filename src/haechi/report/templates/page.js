// What every page does: it speaks two languages, and prints everything.
(() => {
  "use strict";
  const root = document.documentElement;
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const one = (id) => document.getElementById(id);
  const KEY = "haechi-report-language";
  root.classList.add("scripted");

  const remembered = () => {
    // Some browsers deny storage to a page that was opened from a file.
    try { return localStorage.getItem(KEY); } catch { return null; }
  };
  const speak = (language) => {
    root.lang = root.dataset.lang = language;
    try { localStorage.setItem(KEY, language); } catch { /* the choice then lasts as long as the page */ }
    for (const text of all("option[data-ko], title[data-ko]")) text.textContent = text.dataset[language];
    for (const named of all("[data-label-ko]")) named.setAttribute("aria-label", named.getAttribute(`data-label-${language}`));
    for (const name of ["ko", "en"]) {
      if (name === language) one(name).setAttribute("aria-current", "true");
      else one(name).removeAttribute("aria-current");
    }
    document.dispatchEvent(new Event("spoken"));
  };

  const addressed = () => {
    const name = location.hash.slice(1);
    if (name === "ko" || name === "en") speak(name);
  };

  for (const name of ["ko", "en"]) {
    one(name).addEventListener("click", (event) => {
      event.preventDefault();
      history.replaceState(null, "", `#${name}`);
      speak(name);
    });
  }
  one("print").addEventListener("click", () => window.print());
  // A printed report hides nothing, whatever was folded or filtered on the screen.
  let folded = [];
  window.addEventListener("beforeprint", () => { folded = all("details:not([open])"); folded.forEach((card) => { card.open = true; }); });
  window.addEventListener("afterprint", () => { folded.forEach((card) => { card.open = false; }); });
  window.addEventListener("hashchange", addressed);
  speak(remembered() === "en" ? "en" : "ko");
  addressed();
})();
