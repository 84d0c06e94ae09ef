// Thresholds as lines for config.yaml. Pure.

/** What YAML would read as something else than a word stands in quotes. */
const PLAIN = /^(?!(?:null|true|false)$)[a-z][a-z0-9_-]*$/i;

/** A keyword as a key. */
function key(keyword) {
  return PLAIN.test(keyword) ? keyword : JSON.stringify(keyword);
}

/**
 * @param thresholds {Map<string, number>} those to set, by keyword.
 * @returns {string} empty if there are none.
 */
export function thresholdsAsYaml(thresholds) {
  if (thresholds.size === 0) return "";
  const lines = [...thresholds].map(([keyword, value]) => `  ${key(keyword)}: {threshold: ${value}}`);
  return `keywords:\n${lines.join("\n")}\n`;
}
