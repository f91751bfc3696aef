/** What tools/torture.ts uses. */

export {
  torture,
  type TortureOptions,
  type TortureReport,
} from "./_torture.ts";
