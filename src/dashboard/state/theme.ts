/** Light or dark: that of the system unless the user has chosen. */

/** What can be chosen. */
export type Theme = 'system' | 'light' | 'dark';

const STORED = 'natsmqtt.theme';

/** What was chosen here before. */
export function storedTheme(): Theme {
  const stored = window.localStorage.getItem(STORED);
  return stored === 'light' || stored === 'dark' ? stored : 'system';
}

/** Shows the page that way, and remembers it. */
export function applyTheme(theme: Theme): void {
  if (theme === 'system') {
    delete document.documentElement.dataset.theme;
    window.localStorage.removeItem(STORED);
    return;
  }
  document.documentElement.dataset.theme = theme;
  window.localStorage.setItem(STORED, theme);
}

/** @returns how to stop being told of changes, whoever makes them */
export function onThemeChange(listener: () => void): () => void {
  const system = window.matchMedia('(prefers-color-scheme: dark)');
  const observer = new MutationObserver(listener);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
  system.addEventListener('change', listener);
  return () => {
    observer.disconnect();
    system.removeEventListener('change', listener);
  };
}
