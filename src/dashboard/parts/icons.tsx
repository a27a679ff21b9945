/** Icons, drawn for this page: 20 × 20, strokes in the colour of the text. Hidden from screen readers: labels say it. */
import type { JSX } from 'preact';

const PATHS = {
  overview: 'M3 12.5h3l2.5-7 3.5 10 2.5-6H17',
  clients:
    'M7.5 9.5a2.75 2.75 0 1 0 0-5.5 2.75 2.75 0 0 0 0 5.5ZM2.5 16c.4-2.7 2.3-4.2 5-4.2s4.6 1.5 5 4.200M13 4.300a2.5 2.5 0 0 1 0 4.900M15 12.300c1.4.6 2.3 1.9 2.5 3.7',
  settings:
    'M3 6h7M14 6h3M3 14h3M10 14h7M12 8a2 2 0 1 0 0-4 2 2 0 0 0 0 4ZM8 16a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z',
  authentication: 'M5 9V7a5 5 0 0 1 10 0v2M4.5 9h11v7.500h-11zM10 12v1.8',
  upstream: 'M3 10h10m-3.5-3.500L13 10l-3.5 3.500M16.5 4v12',
  tap: 'M2.5 10S5.2 5 10 5s7.5 5 7.5 5-2.7 5-7.5 5-7.5-5-7.5-5ZM10 12.200a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.400Z',
  audit: 'M5 3h7l3.5 3.500V17H5zM12 3v3.500h3.500M7.5 10h5M7.5 13h5',
  menu: 'M3 5.500h14M3 10h14M3 14.500h14',
  sun: 'M10 13.500a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM10 2v1.800M10 16.200V18M2 10h1.800M16.2 10H18M4.3 4.300l1.3 1.300M14.4 14.400l1.3 1.300M4.3 15.700l1.3-1.300M14.4 5.600l1.3-1.3',
  moon: 'M16.5 12.200A7 7 0 0 1 7.8 3.500a7 7 0 1 0 8.7 8.700Z',
  system: 'M3 4h14v9.500H3zM7.5 16.500h5M10 13.500v3',
  close: 'M5 5l10 10M15 5 5 15',
  up: 'M10 16V4m-5 5 5-5 5 5',
  down: 'M10 4v12m5-5-5 5-5-5',
  plus: 'M10 4v12M4 10h12',
  search: 'M8.8 14.100a5.3 5.3 0 1 0 0-10.6 5.3 5.3 0 0 0 0 10.600ZM13 13l4 4',
  lock: 'M6 9V7a4 4 0 0 1 8 0v2M5 9h10v7.500H5z',
  warning: 'M10 3.5 18 16.500H2zM10 8.500v3.500M10 14v.6',
  error: 'M10 17.500a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15ZM10 6v5M10 13.400v.6',
  info: 'M10 17.5a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15ZM10 9.2V14M10 6v.6',
  check: 'M4 10.500l4 4 8-9',
  copy: 'M7 7h9v9H7zM4 13V4h9',
  right: 'M7.5 4.5 13 10l-5.5 5.5',
  left: 'M12.5 4.5 7 10l5.5 5.5',
} as const;

/** Names of the icons there are. */
export type IconName = keyof typeof PATHS;

/** See the head of the file. */
export function Icon({ name }: { readonly name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
