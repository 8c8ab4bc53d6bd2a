// Before anything is drawn, so that a dark wall never flashes white. Kept apart because the page allows no inline script.
(() => {
  const asked = new URLSearchParams(location.search).get("theme");
  let kept = null;
  try {
    kept = localStorage.getItem("netwatch.theme");
  } catch {
    // A locked-down browser keeps nothing; the system's choice then decides.
  }
  const theme = asked || kept;
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
})();
