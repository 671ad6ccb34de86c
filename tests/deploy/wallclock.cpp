// Moves the wall clock of one program, and nothing else: preloaded, it adds the seconds that stand in the file
// named by WALLCLOCK to every answer. Sleeps and the monotonic clock stay as they are.

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static timespec moved() {
  timespec now{};
  syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
  long long seconds = 0;
  if (FILE *file = std::fopen(std::getenv("WALLCLOCK"), "r")) {
    if (std::fscanf(file, "%lld", &seconds) != 1) seconds = 0;
    std::fclose(file);
  }
  now.tv_sec += seconds;
  return now;
}

extern "C" int clock_gettime(clockid_t clock, timespec *answer) noexcept {
  if (clock != CLOCK_REALTIME) return static_cast<int>(syscall(SYS_clock_gettime, clock, answer));
  *answer = moved();
  return 0;
}

extern "C" int gettimeofday(timeval *answer, void *) noexcept {
  const timespec now = moved();
  *answer = {now.tv_sec, now.tv_nsec / 1000};
  return 0;
}

extern "C" time_t time(time_t *answer) noexcept {
  const time_t now = moved().tv_sec;
  if (answer != nullptr) *answer = now;
  return now;
}
