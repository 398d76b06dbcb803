# perl: regular expressions, hashes, sorting, processes, pipes, sockets, files.
cd /tmp
cat >all.pl <<'PERL'
use strict; use warnings; use IO::Socket::UNIX; use POSIX qw(:sys_wait_h); use Digest::MD5 qw(md5_hex); use File::Find; use Storable;
$| = 1;
my %count; $count{length $_}++ for map { 'x' x ($_ % 7) } 1 .. 1000;
print join(',', map { "$_=$count{$_}" } sort keys %count), "\n";
my $text = join ' ', map { "word$_" } 1 .. 5000; my $n = () = $text =~ /\bword\d*7\b/g; print "$n\n";
print md5_hex(join ',', sort { $b <=> $a } map { $_ * 7919 % 10007 } 1 .. 20000), "\n";
for my $i (1 .. 5) { defined(my $pid = fork) or die; exit $i if !$pid; waitpid $pid, 0; print $? >> 8, ' ' } print "\n";
open my $pipe, '-|', 'seq 1 1000 | tail -n 1' or die; print <$pipe>; close $pipe; print "$?\n";
open my $out, '|-', 'sort -r | head -n 2' or die; print $out "$_\n" for 1 .. 9; close $out;
my $server = IO::Socket::UNIX->new(Local => 'psock', Listen => 5) or die;
if (!fork) { my $c = IO::Socket::UNIX->new(Peer => 'psock') or die; print $c "hello\n"; print scalar <$c>; exit }
my $client = $server->accept; my $line = <$client>; print $client uc $line; close $client; wait;
$SIG{ALRM} = sub { die "alarm\n" }; eval { alarm 1; select undef, undef, undef, 20; alarm 0 }; print $@;
mkdir "d$_" and open(my $f, '>', "d$_/f") for 1 .. 20; my $found = 0; find(sub { $found++ if -f }, '.'); print "found ", $found >= 20 ? 'all' : $found, "\n";
store { a => [1, 2, 3] }, 'stored'; print "@{retrieve('stored')->{a}}\n";
my @st = stat '/etc/passwd'; printf "%o\n", $st[2]; print join(' ', (getpwuid 0)[0, 7, 8]), "\n"; print `echo backticks`;
kill 'TERM', my $kid = fork // die; if (!$kid) { sleep 10; exit } waitpid $kid, 0; print WIFSIGNALED($?) ? 'signal ' . WTERMSIG($?) : "exit $?", "\n";
PERL
sed -i 's/^kill .*$/my $kid = fork; if (!$kid) { sleep 10; exit } kill "TERM", $kid; waitpid $kid, 0; print WIFSIGNALED($?) ? "signal " . WTERMSIG($?) : "exit $?", "\\n";/' all.pl
perl all.pl
