# The first of the two scripts that hikae replaces: the patch of every changed
# configuration file, package by package. Run on the host.
out=$(mktemp -d)
rpm -qa | grep -v gpg-pubkey | sort | while read -r package; do
  rpm -V "$package" | grep ' c ' | awk '{print $3}' | while read -r conf; do
    name=$(rpm -q --qf '%{NAME}' "$package")
    mkdir -p "$out/$name$(dirname "$conf")"
    diff -up "/opt/rpmstore$conf" "$conf" >"$out/$name$conf.patch" 2>/dev/null
  done
done
find "$out" -type f | wc -l
rm -rf "$out"
