// A button that prints the page: shown only where scripts run, since it does nothing without them.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
