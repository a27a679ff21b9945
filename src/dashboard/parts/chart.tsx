/** A chart of the last minutes. The colours are those of the style sheet, so that they follow the theme. */
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { onThemeChange } from '../state/theme.ts';

/** One line. */
export interface Line {
  readonly label: string;
  /** Name of a custom property of the style sheet, such as `--to-broker`. */
  readonly color: string;
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  readonly title: string;
  readonly timesMs: readonly number[];
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
  /** Where the lines of the grid may be; left out: at round decimal numbers. */
  readonly steps?: readonly number[];
  /** Said to who cannot see the chart. */
  readonly summary: string;
}

const HEIGHT = 150;
const AXIS_WIDTH = 66;
/** So that the first seconds do not fill the whole width. */
const SHORTEST_SPAN_S = 120;
/** Whole minutes, as the labels are. */
const TIME_STEPS_S = [60, 120, 300, 600];

/** See the head of the file. */
export function Chart({ title, timesMs, lines, format, steps, summary }: ChartProps): JSX.Element {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [themes, setThemes] = useState(0);
  const data = [
    timesMs.map((ms) => ms / 1000),
    ...lines.map(({ values }) => [...values]),
  ] as uPlot.AlignedData;
  const latest = useRef(data);
  latest.current = data;

  useEffect(() => onThemeChange(() => setThemes((count) => count + 1)), []);

  // Made again for another theme only: lines keep their names and formats for the life of a chart.
  useEffect(() => {
    const element = holder.current;
    if (element === null) return;
    const made = new uPlot(optionsFor(element, { lines, format, steps }), latest.current, element);
    plot.current = made;
    const resized = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [themes]);

  useEffect(() => plot.current?.setData(data), [timesMs.at(-1)]);

  return (
    <figure class="chart">
      <figcaption>
        <span class="chart-title">{title}</span>
        {lines.map(({ label, color }) => (
          <span key={label} class="legend">
            <i class={`swatch ${color.slice(2)}`} />
            {label}
          </span>
        ))}
      </figcaption>
      <div ref={holder} class="plot" role="img" aria-label={`${title}. ${summary}`} />
    </figure>
  );
}

type Shown = Pick<ChartProps, 'lines' | 'format'> & { readonly steps: readonly number[] | undefined };

function optionsFor(element: HTMLElement, { lines, format, steps }: Shown): uPlot.Options {
  const style = getComputedStyle(element);
  const color = (name: string): string => style.getPropertyValue(name).trim();
  const axis = {
    stroke: color('--ink-muted'),
    grid: { stroke: color('--rule'), width: 1 },
    ticks: { show: false },
    font: `11px ${style.fontFamily}`,
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    // On the right half a label of the time axis.
    padding: [8, 16, 0, 0],
    scales: {
      x: { time: true, range: (_plot, _min, max) => [Math.min(_min, max - SHORTEST_SPAN_S), max] },
      y: { range: (_plot, _min, max) => [0, niceMaximum(max)] },
    },
    axes: [
      { ...axis, size: 24, space: 60, incrs: TIME_STEPS_S, values: '{HH}:{mm}' },
      {
        ...axis,
        size: AXIS_WIDTH,
        space: 28,
        values: (_plot, splits) => splits.map(format),
        ...(steps !== undefined && { incrs: [...steps] }),
      },
    ],
    series: [
      {},
      ...lines.map(({ label, color: name }) => ({
        label,
        stroke: color(name),
        fill: `${color(name)}1c`,
        width: 1.5,
        points: { show: false },
      })),
    ],
  };
}

/** Some air above the highest point; a flat zero is no line along the top. */
function niceMaximum(max: number | null): number {
  return max === null || max <= 0 ? 1 : max * 1.15;
}
