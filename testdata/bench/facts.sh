# What a snapshot holds, gathered by the plainest commands: every package's
# files with their digests, the hash of every file of the trees, their owners,
# modes, ACLs and xattrs, units, people and groups. Run on the host.
trees='/etc /home /srv /usr/local /var/named /var/www'
rpm -qa --qf '[%{NAME} %{EPOCHNUM} %{VERSION} %{RELEASE} %{ARCH} %{FILENAMES} %{FILEDIGESTS} %{FILEFLAGS} %{FILEMODES} %{FILEUSERNAME} %{FILEGROUPNAME}\n]' >/dev/null
find $trees -xdev -printf '%p %y %m %u %g %s %T@ %l\n' >/dev/null
find $trees -xdev -type f -print0 | xargs -0 sha256sum >/dev/null
getfacl -R -p -s $trees >/dev/null 2>&1
getfattr -R -P -d -m - --absolute-names $trees >/dev/null 2>&1
systemctl list-unit-files --no-pager >/dev/null
systemctl list-units --all --no-pager >/dev/null
getent passwd >/dev/null
getent group >/dev/null
getent shadow >/dev/null
