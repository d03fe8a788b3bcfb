#!/bin/sh
# Install Chromium and poppler with apt where they are missing; say what to do where that is not possible.
missing=""
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || missing="chromium"
command -v pdftoppm >/dev/null || missing="$missing poppler-utils"
[ -z "$missing" ] && exit 0

as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo -n"
if command -v apt-get >/dev/null && { [ -z "$as_root" ] || sudo -n true 2>/dev/null; }; then
    echo "Installing with apt: $missing"
    # shellcheck disable=SC2086
    $as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends \
        $missing >/dev/null && exit 0
fi
echo "The tests need$( [ -n "$missing" ] && echo " $missing" ), which could not be installed from here." >&2
echo "Install it with your package manager (Debian, Ubuntu: sudo apt-get install $missing;" >&2
echo "macOS: brew install --cask chromium, brew install poppler), then run make test again." >&2
exit 1
