# Configures a build folder once and builds in it. Source it after setup.sh and steps.sh.

# build_in FOLDER "CMAKE ARGUMENTS" TARGET...: says what it does, stops the script when it fails.
build_in() {
  local folder=$1 arguments=$2
  shift 2
  if [[ ! -f $folder/build.ninja ]]; then
    say "Configuring $folder"
    # shellcheck disable=SC2086  # a list of arguments, none with a space
    run_group cmake -S . -B "$folder" -G Ninja $arguments >&2 ||
      fail "cmake could not configure $folder; what it said stands above"
  fi
  say "Building $* in $folder (the first time takes minutes, later ones seconds)"
  run_group cmake --build "$folder" --target "$@" >&2 ||
    fail "the build in $folder failed; the first error stands above"
}
