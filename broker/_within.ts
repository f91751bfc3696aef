/** Waiting, but not for ever. */

/** Waits for a promise, but no longer than so many milliseconds. */
export async function within(
  timeout: number,
  promise: unknown,
): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const expired = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeout);
  });
  try {
    await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}
