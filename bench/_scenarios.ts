/**
 * The named scenarios: flags of the load generator.
 */

/** All scenarios by name. The names and figures do not change: add new ones. */
export const SCENARIOS: Readonly<Record<string, string>> = {
  // As fast as the broker can: with a window of W, messages come in batches.
  p2p1: "--P 1 --S 1 --W 100",
  p2p20: "--P 20 --S 20 --W 50",
  "p2p20_1k": "--P 20 --S 20 --W 50 --size 1024",
  p2p20big: "--P 20 --S 20 --W 10 --size 4096",
  "p2p4_64k": "--P 4 --S 4 --W 4 --size 65000",
  v5p2p20: "--P 20 --S 20 --W 50 --v 5",
  fanout100: "--P 1 --S 100 --W 10",
  fanout1000: "--P 1 --S 1000 --W 4",
  fanin100: "--P 100 --S 1 --map all --W 10",
  ingest: "--P 20 --S 0",
  qos1: "--P 20 --S 20 --qos 1 --W 50 --I 20",
  qos1fan: "--P 1 --S 100 --qos 1 --W 10 --I 10",
  qos2: "--P 20 --S 20 --qos 2 --W 50 --I 20",
  qos1durable: "--P 20 --S 20 --qos 1 --W 50 --I 20 --durable",
  qos2durable: "--P 20 --S 20 --qos 2 --W 50 --I 20 --durable",
  match10k: "--P 20 --S 100 --map match --filters 100 --W 50",
  // One message at a time on each connection: nothing to batch.
  pingpong: "--P 1 --S 1 --W 1",
  w1p2p200: "--P 200 --S 200 --W 1",
  w1fan10: "--P 20 --S 200 --W 1",
  w1fanin1000: "--P 1000 --S 1 --map all --W 1",
  w1fanout1000: "--P 1 --S 1000 --W 1",
  durable1: "--P 1 --S 1 --qos 1 --W 1 --I 1 --durable",
  qos1w1: "--P 200 --S 200 --qos 1 --W 1 --I 1",
  // At a rate, whatever the broker does.
  paced: "--P 20 --S 20 --rate 2000",
  paced5k: "--P 20 --S 20 --rate 5000",
  paced20k: "--P 200 --S 200 --rate 20000",
  pacedfan: "--P 1 --S 100 --rate 20",
  retained: "--mode retained --N 10000 --repeat 10",
  conn5k: "--mode connect --N 5000 --C 100 --hold 5",
  conn15k: "--mode connect --N 15000 --C 100 --hold 5",
  conn15kping: "--mode connect --N 15000 --C 100 --hold 8 --ping 10",
};

/** The scenarios that are run where none are named. */
export const USUAL: readonly string[] = [
  "p2p1",
  "p2p20",
  "fanout100",
  "fanout1000",
  "fanin100",
  "qos1",
  "qos2",
  "match10k",
  "paced",
  "pacedfan",
  "retained",
  "conn5k",
];
