// Runs one target on mutated inputs. Enters: a target, a seed; leaves: what was found, and how far it got.
import { type Random, randomFrom } from '../support/frames.ts';
import type { Coverage } from './coverage.ts';
import { type Input, sizeOf } from './input.ts';
import { minimise } from './minimise.ts';
import { type Mutating, mutate } from './mutate.ts';
import { halvesOf, isProportional, Pace } from './pace.ts';
import type { Target } from './target.ts';

export interface Finding {
  readonly kind: 'crash' | 'slow' | 'output';
  /** Findings of the same signature have the same cause. */
  readonly signature: string;
  readonly detail: string;
  readonly input: Input;
}

export interface FuzzerOptions {
  readonly target: Target;
  readonly seed: number;
  /** Without it, only seeds are changed. */
  readonly coverage: Coverage | null;
  /** A steady clock, nanoseconds. */
  readonly clock: () => bigint;
  /** Told of each input before it runs. */
  readonly onInput?: (input: Input) => void;
}

/** Inputs kept because they reached something new. */
const MOST_KEPT = 1500;
const MOST_KEPT_BYTES = 12 << 20;
/** Bytes that may come out of an input of none. */
const ALWAYS = 16_384;

/** Inputs between two looks at the coverage: few at first, when most of them reach something new. */
const BATCH = { least: 8, most: 256 } as const;

export class Fuzzer {
  readonly target: Target;
  /** Whether coverage is being counted. */
  looking = true;
  executions = 0;
  keptBytes = 0;
  /** The slowest of all inputs. */
  slowest = { milliseconds: 0, bytes: 0 };
  readonly counts = new Map<string, number>();
  readonly #options: FuzzerOptions;
  readonly #random: Random;
  readonly #mutating: Mutating;
  readonly #pace = new Pace();
  readonly #kept: Input[] = [];
  #batch: number = BATCH.least;

  constructor(options: FuzzerOptions) {
    this.#options = options;
    this.target = options.target;
    this.#random = randomFrom(options.seed * 2_654_435_761);
    const { tags, longest, dictionary } = this.target;
    this.#mutating = {
      random: this.#random,
      tags,
      longest,
      dictionary: dictionary.map((token) =>
        typeof token === 'string' ? Buffer.from(token, 'latin1') : token,
      ),
      other: () => this.#pick(),
    };
  }

  get kept(): number {
    return this.#kept.length;
  }

  /** The seeds as they are: whoever finds something there has a wrong seed or a wrong parser. */
  async begin(): Promise<readonly Finding[]> {
    const findings: Finding[] = [];
    for (const input of this.target.seeds) {
      const finding = await this.#try(input);
      if (finding !== null) findings.push(finding);
    }
    const { coverage } = this.#options;
    coverage?.add(coverage.take());
    return findings;
  }

  /** A batch of changed inputs. */
  async step(): Promise<readonly Finding[]> {
    const inputs = Array.from({ length: this.#batch }, () => mutate(this.#pick(), this.#mutating));
    const findings: Finding[] = [];
    for (const input of inputs) {
      const finding = await this.#try(input);
      if (finding !== null) findings.push(finding);
    }
    const { coverage } = this.#options;
    if (coverage !== null && this.looking) {
      const taken = coverage.take();
      const found = coverage.isNew(taken);
      if (found) await this.#search(inputs, coverage);
      coverage.add(taken);
      this.#batch = Math.min(BATCH.most, Math.max(BATCH.least, found ? this.#batch >> 1 : this.#batch + 8));
    }
    return findings;
  }

  #pick(): Input {
    const { seeds } = this.target;
    const kept = this.#kept;
    const random = this.#random;
    if (kept.length > 0 && random(3) > 0) {
      // The newest of them lead further more often.
      const from = random(2) === 0 ? Math.max(0, kept.length - 32) : 0;
      return kept[from + random(kept.length - from)] as Input;
    }
    return seeds[random(seeds.length)] ?? [];
  }

  /** Keeps those of some inputs that reach something new: halves that do not are passed over. */
  async #search(inputs: readonly Input[], coverage: Coverage): Promise<void> {
    for (const input of inputs) await this.#run(input);
    const taken = coverage.take();
    if (!coverage.isNew(taken)) return;
    if (inputs.length === 1) {
      coverage.add(taken);
      this.#keep(inputs[0] as Input);
      return;
    }
    const middle = inputs.length >> 1;
    await this.#search(inputs.slice(0, middle), coverage);
    await this.#search(inputs.slice(middle), coverage);
  }

  #keep(input: Input): void {
    this.#kept.push(input);
    this.keptBytes += sizeOf(input);
    while (this.#kept.length > MOST_KEPT || this.keptBytes > MOST_KEPT_BYTES) {
      const [gone = []] = this.#kept.splice(this.#random(this.#kept.length), 1);
      this.keptBytes -= sizeOf(gone);
    }
  }

  async #try(input: Input): Promise<Finding | null> {
    const finding = await this.#run(input);
    if (finding === null) return null;
    const count = this.counts.get(finding.signature) ?? 0;
    this.counts.set(finding.signature, count + 1);
    if (count > 0) return null;
    const small = await minimise(input, async (candidate) => {
      return (await this.#run(candidate))?.signature === finding.signature;
    });
    return { ...finding, input: small };
  }

  async #run(input: Input): Promise<Finding | null> {
    const { clock, onInput } = this.#options;
    onInput?.(input);
    const size = sizeOf(input) + input.length;
    const once = async (given = input): Promise<{ took: number; made: number }> => {
      const begun = clock();
      const running = this.target.run(given);
      const made = typeof running === 'number' ? running : await running;
      return { took: Number(clock() - begun) / 1e6, made };
    };
    this.executions += 1;
    try {
      let { took, made } = await once();
      const most = ALWAYS + this.target.expansion * size;
      if (made > most)
        return { kind: 'output', signature: 'output', detail: `${made} bytes came of ${size}`, input };
      // A collection of garbage or another process can make any input slow, but not each time.
      for (let again = 0; again < 4 && this.#pace.isSlow(took, size); again++)
        took = Math.min(took, (await once()).took);
      if (took > this.slowest.milliseconds) this.slowest = { milliseconds: took, bytes: size };
      if (this.#pace.isSlow(took, size)) {
        const halves: number[] = [];
        // One that throws is no measure; it is found when it is drawn itself.
        for (const half of halvesOf(input))
          halves.push(
            await once(half).then(
              (ran) => ran.took,
              () => 0,
            ),
          );
        if (isProportional(took, size, halves)) return null;
        const detail = `${took.toFixed(1)} ms for ${size} bytes, where ${this.#pace.describe()}`;
        return { kind: 'slow', signature: 'slow', detail, input };
      }
      this.#pace.add(took, size);
      return null;
    } catch (error) {
      return { kind: 'crash', signature: signatureOf(error), detail: textOf(error), input };
    }
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** What is thrown without the values in it, and where in our code. */
function signatureOf(error: unknown): string {
  const text = textOf(error);
  const [first = ''] = text.split('\n');
  const place = /(?:src|targets)\/[\w./-]+\.[jt]s/.exec(text)?.[0] ?? '';
  return `${first.replaceAll(/\d+|"[^"]*"/g, '#').slice(0, 120)} ${place}`;
}
