export type SchemaType = "failsafe" | "json" | "core" | "default" | "extended";

export interface YamlPosition {
  readonly line: number;
  readonly column: number;
  readonly offset: number;
}

export class YamlSyntaxError extends SyntaxError {
  readonly line: number;
  readonly column: number;
  readonly offset: number;
  readonly snippet?: string;
  constructor(message: string, position: YamlPosition, snippet?: string);
}

export interface ParseOptions {
  allowDuplicateKeys?: boolean;
  onWarning?(error: YamlSyntaxError): void;
  schema?: SchemaType;
}

export interface StringifyOptions {
  arrayIndent?: boolean;
  compatMode?: boolean;
  condenseFlow?: boolean;
  flowLevel?: number;
  indent?: number;
  lineWidth?: number;
  schema?: SchemaType;
  skipInvalid?: boolean;
  sortKeys?: boolean | ((a: string, b: string, depth: number) => number);
  useAnchors?: boolean;
}

export function parse(content: string, options?: ParseOptions): unknown;
export function stringify(data: unknown, options?: StringifyOptions): string;
