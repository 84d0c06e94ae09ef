// Elements, in one call.

/**
 * @param name of the tag.
 * @param properties set on the element; names with a dash are attributes.
 * @param children elements and texts.
 */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-")) made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children);
  return made;
}

/** Set a text, without touching a page that says it already. */
export function say(place, text) {
  if (place.textContent !== text) place.textContent = text;
}
