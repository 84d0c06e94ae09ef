for (const example of document.querySelectorAll(".example")) {
  const audio = example.querySelector("audio"), stage = example.querySelector(".stage");
  const cursor = example.querySelector(".cursor");
  const left = +stage.dataset.left, width = +stage.dataset.right - left;
  const show = () => {
    cursor.style.left = 100 * (left + width * audio.currentTime / audio.duration) + "%";
    if (!audio.paused) requestAnimationFrame(show);
  };
  audio.onplay = () => {
    for (const other of document.querySelectorAll("audio")) if (other !== audio) other.pause();
    cursor.style.visibility = "visible";
    show();
  };
  audio.onseeked = show;
  stage.onclick = (event) => {
    const box = stage.getBoundingClientRect();
    const place = ((event.clientX - box.left) / box.width - left) / width;
    audio.currentTime = Math.min(1, Math.max(0, place)) * audio.duration;
    audio.play();
  };
}
