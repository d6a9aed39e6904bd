import { inspect } from 'node:util'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type DataPoint,
  type Histogram,
  type MetricData,
} from '@opentelemetry/sdk-metrics'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base'

type Point = DataPoint<number> | DataPoint<Histogram>

/** The real SDK, with exporters that keep what they are given. */
export class Collector {
  readonly #spans = new InMemorySpanExporter()
  readonly #metrics = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  readonly tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(this.#spans)] })
  readonly meterProvider = new MeterProvider({
    readers: [new PeriodicExportingMetricReader({ exporter: this.#metrics, exportIntervalMillis: 3_600_000 })],
  })

  get providers(): Pick<this, 'tracerProvider' | 'meterProvider'> {
    return { tracerProvider: this.tracerProvider, meterProvider: this.meterProvider }
  }

  /** Those that have ended, in that order. */
  get spans(): ReadableSpan[] {
    return this.#spans.getFinishedSpans()
  }

  /** The only one with this name. */
  span(name: string): ReadableSpan {
    const [span, ...more] = this.spans.filter((each) => each.name === name)
    if (span === undefined || more.length > 0) {
      throw new Error(`there are ${span === undefined ? 'none' : more.length + 1} of ${name} in ${String(this.names)}`)
    }
    return span
  }

  get names(): string[] {
    return this.spans.map(({ name }) => name)
  }

  /** As of now. */
  async metrics(): Promise<MetricData[]> {
    this.#metrics.reset()
    await this.meterProvider.forceFlush()
    return this.#metrics
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics)
      .flatMap(({ metrics }) => metrics)
  }

  /** The values of one metric whose attributes are these, among others. */
  async points(name: string, attributes: Readonly<Record<string, unknown>> = {}): Promise<Point['value'][]> {
    const metric = (await this.metrics()).find(({ descriptor }) => descriptor.name === name)
    const points = (metric?.dataPoints ?? []) as readonly Point[]
    return points
      .filter((point) => Object.entries(attributes).every(([key, value]) => point.attributes[key] === value))
      .map(({ value }) => value)
  }

  /** Everything that was exported, as text. */
  async everything(): Promise<string> {
    const spans = this.spans.map(({ name, attributes, status, events }) => ({ name, attributes, status, events }))
    return inspect([spans, await this.metrics()], { depth: null, showHidden: true })
  }

  async stop(): Promise<void> {
    await Promise.all([this.tracerProvider.shutdown(), this.meterProvider.shutdown()])
  }
}
