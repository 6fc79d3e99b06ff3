#!/bin/sh
# Chromium and its driver, from Debian's packages, where we may install them; elsewhere the browser tests say why they skip.
command -v chromium >/dev/null && command -v chromedriver >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing Chromium and its driver with apt-get, for the browser tests"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium chromium-driver >/dev/null && exit 0
  echo "apt-get could not install them" >&2
fi
[ -n "$BYHAND_REQUIRE_BROWSER" ] && { echo "BYHAND_REQUIRE_BROWSER is set, but there is no Chromium with a driver here" >&2; exit 1; }
echo "no Chromium and driver here: the browser tests will be skipped"
