// The token: asked for when the daemon wants one, kept in this tab only.

const NAME = "kws-token";

/** What to add to a first message. */
export function tokenKey() {
  const token = sessionStorage.getItem(NAME);
  return token === null ? {} : { token };
}

/** Ask the daemon for a page, with the token if there is one; `options` as of `fetch`. */
export function fetchWithToken(path, options = {}) {
  const token = sessionStorage.getItem(NAME);
  const headers = token === null ? {} : { Authorization: `Bearer ${token}` };
  return fetch(path, { ...options, headers, cache: "no-store" });
}

/** Let the user say it; `onToken` is called when it was said. */
export function setUpTokenForm(form, onToken) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem(NAME, form.elements.token.value);
    form.hidden = true;
    onToken();
  });
}

/** Show the field; a token that we have is the wrong one. */
export function askForToken(form) {
  const wrong = sessionStorage.getItem(NAME) !== null;
  sessionStorage.removeItem(NAME);
  form.querySelector("#token-reason").textContent = wrong
    ? "That token is wrong."
    : "This daemon asks for a token.";
  form.hidden = false;
  form.elements.token.value = "";
  form.elements.token.focus();
}
