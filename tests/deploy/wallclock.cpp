// Moves the wall clock of one program, and nothing else: preloaded, it adds the seconds that stand in the file
// named by WALLCLOCK to every answer. Sleeps and the monotonic clock stay as they are. The kernel calls the
// clock synchronised, unless there is a second word in the file.

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <unistd.h>

// The seconds, and how many words there are.
static int read_file(long long &seconds) {
  int words = 0;
  if (FILE *file = std::fopen(std::getenv("WALLCLOCK"), "r")) {
    char word[16];
    words = std::fscanf(file, "%lld %15s", &seconds, word);
    std::fclose(file);
  }
  return words;
}

static timespec moved() {
  timespec now{};
  syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
  long long seconds = 0;
  if (read_file(seconds) < 1) seconds = 0;
  now.tv_sec += seconds;
  return now;
}

extern "C" int clock_gettime(clockid_t clock, timespec *answer) noexcept {
  if (clock != CLOCK_REALTIME) return static_cast<int>(syscall(SYS_clock_gettime, clock, answer));
  *answer = moved();
  return 0;
}

extern "C" int adjtimex(timex *answer) noexcept {
  long long seconds = 0;
  const bool synchronised = read_file(seconds) < 2;
  answer->maxerror = synchronised ? 1000 : 16000000;
  answer->status = synchronised ? 0 : STA_UNSYNC;
  return synchronised ? TIME_OK : TIME_ERROR;
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
