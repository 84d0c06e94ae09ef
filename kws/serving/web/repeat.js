// What is done again and again, as long as somebody can see it.

/** Do it now, every so many milliseconds while the page is visible, and when it is visible again. */
export function whileVisible(action, milliseconds) {
  let timer = 0;
  const begin = () => {
    clearInterval(timer);
    if (document.hidden) return;
    timer = setInterval(action, milliseconds);
    action();
  };
  document.addEventListener("visibilitychange", begin);
  begin();
}
